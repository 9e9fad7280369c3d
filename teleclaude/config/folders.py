"""A walk through folders that others may change meanwhile."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

from teleclaude.config.problems import FOREIGN_LINK
from teleclaude.config.writers import find_open, refuse
from teleclaude.errors import PublishError, SourceError, TeleClaudeError

_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""With O_PATH (Linux) a folder that may be passed through, and not listed, can be opened."""

_MAX_LINKS = 40
"""As Linux counts (path_resolution(7))."""


class Links(Enum):
    """Which links a walk follows."""

    NONE = "none"
    OURS = "ours"
    """For root only links that nobody but root and this process's user can have made. For another user every link,
    because the system checks the rights of that user behind it."""
    ANY = "any"


@dataclass(frozen=True)
class Policy:
    """What a walk may pass."""

    links: Links
    trusted: Set[int] = frozenset()
    """The users who may have made a link and may change a folder on the way. The walk ends, with a SourceError, at the
    first place that another user made or can change. Empty: any user."""
    make: bool = False
    """Whether a folder that is missing is made, with mode 0755."""
    opened: Mapping[Path, int] = field(default_factory=dict)
    """Descriptors of folders by their real paths; such a folder is reached even where a folder above it is closed."""


@dataclass(frozen=True)
class Place:
    """The place that a walk has reached."""

    path: Path
    """No name in it is a link, as far as the walk could look."""
    folder: int | None
    """The descriptor of the folder here, None where there is no folder or it cannot be entered."""
    state: os.stat_result | None
    """What is here, links not followed; None where nothing is, or it cannot be looked at."""
    trouble: OSError | TeleClaudeError | None = None
    """Why there is no folder."""


@contextmanager
def walked(path: Path, policy: Policy) -> Iterator[Place]:
    """Go to `path` name by name and yield the place where the walk ends.

    Each name is looked up in the open folder before it, so that a folder that is swapped meanwhile changes nothing.
    Behind a place that cannot be entered the names are taken as they are written, and `..` removes the name before it,
    until a folder of `policy.opened` is reached. The folder is closed at the end.
    """
    names, links = list(reversed(path.absolute().parts[1:])), 0
    here = _root()
    try:
        while names:
            there = _step(here, names.pop(), policy)
            refusal = refuse(there.path, there.state, there.folder, policy.trusted) if there.state else None
            if refusal is not None:
                _close(there)
                there = replace(there, folder=None, trouble=refusal)
                names.clear()
            elif there.state is not None and stat.S_ISLNK(there.state.st_mode):
                links += 1
                there, target = _follow(here, there, policy, links)
                names += reversed([part for part in target.parts if part != "/"])
            if there is not here:
                _close(here)
                here = there
        yield here
    finally:
        _close(here)


def _root() -> Place:
    folder = os.open("/", _FOLDER)
    return Place(Path("/"), folder, os.fstat(folder))


def _close(place: Place) -> None:
    if place.folder is not None:
        os.close(place.folder)


def _step(here: Place, name: str, policy: Policy) -> Place:
    """Return the place `name` in a folder; a link is not followed."""
    path = here.path.parent if name == ".." else here.path / name
    if path in policy.opened:
        folder = os.dup(policy.opened[path])
        return Place(path, folder, os.fstat(folder))
    if here.folder is None:
        return Place(path, None, None, here.trouble)
    state = None
    try:
        state = _look(here.folder, name, make=policy.make)
        if stat.S_ISDIR(state.st_mode):
            folder = os.open(name, _FOLDER, dir_fd=here.folder)
            return Place(path, folder, os.fstat(folder))
    except OSError as error:
        return Place(path, None, state, OSError(error.errno, error.strerror, str(path)))
    return Place(path, None, state, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path)))


def _look(folder: int, name: str, *, make: bool) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        if not make:
            raise
        with suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=folder)
        return _look(folder, name, make=False)


def _follow(here: Place, link: Place, policy: Policy, links: int) -> tuple[Place, Path]:
    """Return the place where the target of a link begins, and the target; where it may not be followed, the link."""
    assert here.folder is not None
    assert link.state is not None
    trouble: OSError | TeleClaudeError
    if policy.links is Links.OURS and (links > _MAX_LINKS or not _is_ours(link.state, os.fstat(here.folder))):
        trouble = PublishError(FOREIGN_LINK.fill(path=link.path, uid=link.state.st_uid))
    elif policy.links is Links.NONE or links > _MAX_LINKS:
        trouble = OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(link.path))
    else:
        try:
            target = Path(os.readlink(link.path.name, dir_fd=here.folder))
        except OSError as error:
            trouble = error
        else:
            return (_root() if target.is_absolute() else here), target
    return replace(link, trouble=trouble), Path()


def _is_ours(link: os.stat_result, around: os.stat_result) -> bool:
    """Whether nobody but root and this process's user can have made a link in the folder around it."""
    closed = not around.st_mode & 0o022 or around.st_mode & stat.S_ISVTX
    return os.geteuid() != 0 or bool(closed and {link.st_uid, around.st_uid} <= {0, os.geteuid()})


@contextmanager
def opened_folder(path: Path, *, make: bool = False) -> Iterator[int]:
    """Open a folder, made where `make` says so; root follows only links that nobody else can have made.

    Raises PublishError for other links; OSError.
    """
    with walked(path, Policy(Links.OURS, make=make)) as place:
        yield entered(place)


def entered(place: Place) -> int:
    """Return the descriptor of the folder where a walk ended; raises PublishError or OSError where it is not open."""
    if place.folder is None:
        assert place.trouble is not None
        raise place.trouble
    return place.folder


@dataclass(frozen=True)
class Stranger:
    """A place on the way to a path that belongs to an untrusted user."""

    path: Path
    uid: int
    gid: int


def find_stranger(path: Path) -> Stranger | None:
    """Return the first place on the way to `path` that is not root's, None where there is none, or where others can
    change a folder of root's before it.

    Links of root are followed, such as `/tmp` of macOS. A place that does not exist has no owner.
    """
    trusted = frozenset({0})
    with walked(path, Policy(Links.ANY, trusted=trusted)) as place:
        if place.state is None or place.state.st_uid in trusted:
            return None
        return Stranger(place.path, place.state.st_uid, place.state.st_gid)


def find_unsafe_folder(path: Path, trusted: frozenset[int] = frozenset({0})) -> Path | None:
    """Return the first place on the way to `path` that a user outside `trusted` can change, None where none is."""
    with walked(path, Policy(Links.ANY, trusted=trusted)) as place:
        is_open = place.state is not None and not place.folder and find_open(place.path, place.state, None, trusted)
        return place.path if isinstance(place.trouble, SourceError) or is_open else None


@contextmanager
def _listable(folder: int) -> Iterator[int]:
    """Open a folder once more, so that it can be listed and synced; raises OSError where it may only be passed."""
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def list_folder(folder: int) -> list[str]:
    """Return the names in a folder; raises OSError where it may only be passed through."""
    with _listable(folder) as descriptor:
        return os.listdir(descriptor)  # noqa: PTH208 - a descriptor, which no path can be swapped under


def sync_folder(folder: int) -> None:
    """Make the names in a folder survive a power loss."""
    with _listable(folder) as descriptor:
        os.fsync(descriptor)
