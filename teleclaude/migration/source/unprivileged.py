"""What the privsep does in the owner's realm: resolve, open, list. Every path is resolved first, then opened link-free.

Where this process needs no privsep, it calls the same functions itself.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from teleclaude.config.folders import Links, Policy, entered, walked
from teleclaude.errors import SourceError

GATES: dict[Path, int] = {}
"""Folders where the realm begins, opened while the privsep was still root: whoever named them may lead through a
folder of root's that the owner cannot pass."""

MAX_ENTRIES = 50_000
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_RESOLVING = Policy(Links.ANY, opened=GATES)
_EXACTLY = Policy(Links.NONE, opened=GATES)


def resolve(path: Path) -> Path:
    """Return where a path really leads, as far as it exists; raises OSError for links that lead in a circle."""
    with walked(path, _RESOLVING) as place:
        if isinstance(place.trouble, OSError) and place.trouble.errno == errno.ELOOP:
            raise place.trouble
        return place.path


def inspect(real: Path) -> os.stat_result:
    """Return what stands at a resolved path; raises OSError."""
    with walked(real, _EXACTLY) as place:
        if place.state is None:
            entered(place)
        assert place.state is not None
        return place.state


def open_exactly(real: Path, flags: int) -> int:
    """Open a resolved path; a link that took a place on the way meanwhile is an OSError."""
    folder, name = (real, ".") if real in GATES or not real.name else (real.parent, real.name)
    with walked(folder, _EXACTLY) as place:
        return os.open(name, flags, dir_fd=entered(place))


def open_regular(path: str, exact: bool) -> int:
    """Open a regular file for reading, and nothing else; where `exact`, no link may be on the way.

    Raises SourceError, FileNotFoundError.
    """
    try:
        real = Path(path) if exact else resolve(Path(path))
        # Looked at first, because the mere opening of a device may do something.
        _check_regular(path, _inspect_existing(real))
        descriptor = open_exactly(real, _READING)
    except FileNotFoundError:
        raise
    except OSError as error:
        whose = f"with the rights of uid {os.geteuid()}"
        raise SourceError(
            f"{path} cannot be read {whose}: {error.strerror}", "see to its permissions and run again"
        ) from None
    try:
        _check_regular(path, os.fstat(descriptor))
    except SourceError:
        os.close(descriptor)
        raise
    return descriptor


def _inspect_existing(real: Path) -> os.stat_result:
    try:
        return inspect(real)
    except NotADirectoryError:
        # Something else than a folder is where its folder would be.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(real)) from None


def _check_regular(path: str, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise SourceError(f"{path} is not a regular file", "put a regular file there, or move it away")


@contextmanager
def _scanning(real: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
    descriptor = open_exactly(real, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with os.scandir(descriptor) as entries:
            yield entries
    finally:
        os.close(descriptor)


def list_names(folder: str) -> list[str]:
    """Return the names in a folder in order, none where there is no folder; raises SourceError, OSError."""
    try:
        with _scanning(resolve(Path(folder))) as entries:
            names = [entry.name for entry, _ in zip(entries, range(MAX_ENTRIES + 1), strict=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OSError(error.errno, error.strerror, folder) from None
    if len(names) > MAX_ENTRIES:
        raise SourceError(f"{folder} has more than {MAX_ENTRIES} entries", "move away what does not belong there")
    return sorted(names)


def list_tree(folder: str) -> list[str]:
    """Return the regular files below a folder, links not followed; raises SourceError, OSError."""
    found: list[str] = []
    waiting = [resolve(Path(folder))]
    while waiting:
        here = waiting.pop()
        for name in list_names(str(here)):
            mode = inspect(here / name).st_mode
            if stat.S_ISDIR(mode):
                waiting.append(here / name)
            elif stat.S_ISREG(mode):
                found.append(str(here / name))
        if len(found) + len(waiting) > MAX_ENTRIES:
            raise SourceError(f"{folder} has more than {MAX_ENTRIES} entries", "move away what does not belong there")
    return sorted(found)


def list_links(folder: str) -> dict[str, list[str]]:
    """Return the links in a folder: of each what it says, and where it really leads; raises SourceError, OSError."""
    found = {}
    real = resolve(Path(folder))
    for name in list_names(folder):
        with suppress(OSError), walked(real, _EXACTLY) as place:
            found[name] = [os.readlink(name, dir_fd=entered(place)), str(resolve(real / name))]
    return found


def list_existing(paths: list[str]) -> list[str]:
    """Return those of the paths where something stands."""
    found = []
    for path in paths:
        with suppress(OSError):
            inspect(resolve(Path(path)))
            found.append(path)
    return found
