"""What the unprivileged process does: resolve, open, list. A path is resolved first, then opened without any link.

A process that reads with its own rights calls the same functions itself.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from itertools import islice
from pathlib import Path

from teleclaude.config.folders import Links, Policy, entered, walked
from teleclaude.config.writers import find_open
from teleclaude.errors import SourceError
from teleclaude.migration.source.problems import DANGLING, NOT_PERMITTED, NOT_REGULAR, TOO_DEEP, TOO_MANY_ENTRIES

TOP_FOLDERS: dict[Path, int] = {}
"""The topmost folders of the owner, opened before root's rights were given up: a folder of root's above them may be
closed to the owner."""

TRUSTED: set[int] = set() if os.geteuid() else {0}
"""Where root asks: root and the owner. Only they may have made a link that is followed, and may change a folder whose
files are read."""

MAX_ENTRIES = 50_000
_DEEPEST = 100
"""How many folders may lie in each other: each path is walked from the root, so that the time grows with the square."""

_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_LOOKING = Policy(Links.ANY, opened=TOP_FOLDERS)
_RESOLVING = Policy(Links.ANY, opened=TOP_FOLDERS, trusted=TRUSTED)
_EXACTLY = Policy(Links.NONE, opened=TOP_FOLDERS)
_OPENING = Policy(Links.NONE, opened=TOP_FOLDERS, trusted=TRUSTED)


def resolve(path: Path, policy: Policy = _RESOLVING) -> Path:
    """Return a path without links, as far as it exists.

    Raises OSError where the links go in a circle, SourceError where somebody who is not trusted could have led it.
    """
    with walked(path, policy) as place:
        is_circle = isinstance(place.trouble, OSError) and place.trouble.errno == errno.ELOOP
        if place.trouble is not None and (is_circle or isinstance(place.trouble, SourceError)):
            raise place.trouble
        return place.path


def find_real(path: str) -> str:
    """Return a path without links; raises SourceError where a link on the way leads to nothing, OSError."""
    for place in reversed((Path(path), *Path(path).parents[:-1])):
        link = resolve(place.parent) / place.name
        with walked(link, _EXACTLY) as here:
            is_link = here.state is not None and stat.S_ISLNK(here.state.st_mode)
        if is_link and _is_missing(target := resolve(link)):
            raise SourceError(DANGLING.fill(path=place, target=target))
    return str(resolve(Path(path)))


def _is_missing(real: Path) -> bool:
    """Whether nothing is there; a place that may not be looked at is not missing."""
    try:
        inspect(real)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def list_hard_links(real: str) -> list[str]:
    """Return the other names in its folder that a file has; raises SourceError, OSError."""
    path, state = Path(real), inspect(Path(real))
    if state.st_nlink == 1:
        return []
    found = []
    for name in list_names(str(path.parent)):
        with suppress(OSError):
            if name != path.name and os.path.samestat(inspect(path.parent / name), state):
                found.append(str(path.parent / name))
    return found


def inspect(real: Path) -> os.stat_result:
    """Return the state of a resolved path; raises OSError."""
    with walked(real, _EXACTLY) as place:
        if place.state is None:
            entered(place)
        assert place.state is not None
        return place.state


def open_exactly(real: Path, flags: int) -> int:
    """Return a descriptor of a resolved path.

    Raises OSError where a part of it has become a link, SourceError where others can change what is in its folder, or
    in itself if it is one.
    """
    folder, name = (real, ".") if real in TOP_FOLDERS or not real.name else (real.parent, real.name)
    with walked(folder, _OPENING) as place:
        require_closed(folder, entered(place))
        descriptor = os.open(name, flags, dir_fd=entered(place))
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            require_closed(real, descriptor)
    except SourceError:
        os.close(descriptor)
        raise
    return descriptor


def require_closed(path: Path, descriptor: int) -> None:
    """Raise SourceError where a user who is not trusted can write to what is open."""
    refusal = find_open(path, os.fstat(descriptor), descriptor, TRUSTED)
    if refusal is not None:
        raise refusal


def check_folder(path: str) -> None:
    """Raise SourceError where a user who is not trusted can change a folder, or one on the way to it; OSError."""
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        os.close(open_exactly(resolve(Path(path)), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC))


def check_file(path: str) -> None:
    """Raise SourceError where a user who is not trusted can change a file that says what else is read."""
    with suppress(OSError):
        descriptor = open_regular(path, False)
        try:
            require_closed(Path(path), descriptor)
        finally:
            os.close(descriptor)


def open_regular(path: str, exact: bool) -> int:
    """Open a regular file for reading, and nothing else; `exact` follows no link.

    Raises SourceError, FileNotFoundError.
    """
    try:
        real = Path(path) if exact else resolve(Path(path))
        # The check comes before the opening, because the opening of a device may have an effect.
        _check_regular(path, inspect(real))
        descriptor = open_exactly(real, _READING)
    except (FileNotFoundError, NotADirectoryError):
        # A file may have the name of its folder.
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
    except OSError as error:
        raise SourceError(NOT_PERMITTED.fill(path=path, uid=os.geteuid(), reason=error.strerror)) from None
    try:
        _check_regular(path, os.fstat(descriptor))
    except SourceError:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(path: str, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise SourceError(NOT_REGULAR.fill(path=path))


def list_names(folder: str) -> list[str]:
    """Return the names in a folder in order, none where there is no folder; raises SourceError, OSError."""
    try:
        descriptor = open_exactly(resolve(Path(folder)), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            with os.scandir(descriptor) as entries:
                names = [entry.name for entry in islice(entries, MAX_ENTRIES + 1)]
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OSError(error.errno, error.strerror, folder) from None
    if len(names) > MAX_ENTRIES:
        raise SourceError(TOO_MANY_ENTRIES.fill(folder=folder, limit=MAX_ENTRIES))
    return sorted(names)


def list_tree(folder: str) -> list[str]:
    """Return the regular files below a folder, links not followed; raises SourceError, OSError."""
    found: list[str] = []
    top = resolve(Path(folder))
    waiting = [top]
    while waiting:
        here = waiting.pop()
        check_depth(top, here.relative_to(top))
        for name in list_names(str(here)):
            mode = inspect(here / name).st_mode
            if stat.S_ISDIR(mode):
                waiting.append(here / name)
            elif stat.S_ISREG(mode):
                found.append(str(here / name))
        if len(found) + len(waiting) > MAX_ENTRIES:
            raise SourceError(TOO_MANY_ENTRIES.fill(folder=folder, limit=MAX_ENTRIES))
    return sorted(found)


def check_depth(top: Path, below: Path) -> None:
    """Raise SourceError where a folder lies too deep below the one at the top."""
    if len(below.parts) > _DEEPEST:
        raise SourceError(TOO_DEEP.fill(folder=top, limit=_DEEPEST))


def list_links(folder: str) -> dict[str, list[str]]:
    """Return the links in a folder by name, each with its text and its real target; raises SourceError, OSError."""
    found = {}
    real = resolve(Path(folder))
    for name in list_names(folder):
        with suppress(OSError), walked(real, _EXACTLY) as place:
            found[name] = [os.readlink(name, dir_fd=entered(place)), str(resolve(real / name, _LOOKING))]
    return found


def identify(paths: list[str]) -> list[tuple[int, int]]:
    """Return device and inode of those of the paths that exist, in order."""
    found = []
    for path in paths:
        with suppress(OSError):
            state = inspect(resolve(Path(path), _LOOKING))
            found.append((state.st_dev, state.st_ino))
    return found


def list_existing(paths: list[str]) -> list[str]:
    """Return those of the paths that exist."""
    found = []
    for path in paths:
        with suppress(OSError):
            inspect(resolve(Path(path), _LOOKING))
            found.append(path)
    return found
