"""Folders that others may own a part of: who could change what lies there, and a way into them that nobody can bend."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from teleclaude.errors import PublishError

FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""To pass through a folder one need not be able to list it, where the system knows the difference (Linux)."""

MAX_LINKS = 40
"""As Linux counts (path_resolution(7))."""


@dataclass(frozen=True)
class Stranger:
    """A place on the way to a path that somebody else than root can change, and its owner."""

    path: Path
    uid: int
    gid: int


def find_stranger(path: Path, trusted: frozenset[int] = frozenset({0})) -> Stranger | None:
    """Return the first place on the way to `path` that belongs to nobody of `trusted`, None where there is none.

    Links of the trusted are followed, as `/tmp` of macOS. What does not exist is nobody's.
    """
    here, waiting, links = Path("/"), list(reversed(path.absolute().parts[1:])), 0
    while waiting:
        there = here / waiting.pop()
        try:
            state = there.lstat()
        except OSError:
            return None
        if state.st_uid not in trusted:
            return Stranger(there, state.st_uid, state.st_gid)
        if stat.S_ISLNK(state.st_mode) and links < MAX_LINKS:
            links += 1
            target = there.readlink()
            here = Path("/") if target.is_absolute() else here
            waiting += reversed([part for part in target.parts if part != "/"])
        else:
            here = there
    return None


def find_open_door(path: Path, trusted: frozenset[int] = frozenset({0})) -> Path | None:
    """Return the first folder on the way to `path` that users beside `trusted` can change, None where there is none."""
    stranger = find_stranger(path, trusted)
    if stranger is not None:
        return stranger.path
    real = Path(os.path.realpath(path))
    return next((place for place in (*reversed(real.parents), real) if _is_open(place, trusted)), None)


def _is_open(folder: Path, trusted: frozenset[int]) -> bool:
    try:
        state = folder.stat()
    except OSError:
        return False
    if state.st_mode & stat.S_ISVTX:
        # Names of others cannot be changed there, as in /tmp.
        return False
    members = _members(state.st_gid) - trusted if state.st_mode & stat.S_IWGRP else set()
    return bool(state.st_mode & stat.S_IWOTH or members)


def _members(gid: int) -> set[int]:
    """Return the users of a group; /usr/local belongs to one that is often empty (Debian policy 9.1.2)."""
    accounts = pwd.getpwall()
    with suppress(KeyError):
        names = set(grp.getgrgid(gid).gr_mem)
        return {account.pw_uid for account in accounts if account.pw_gid == gid or account.pw_name in names}
    return {account.pw_uid for account in accounts if account.pw_gid == gid}


@contextmanager
def opened_folder(path: Path, *, make: bool = False) -> Iterator[int]:
    """Open a folder, made where `make` says so, name by name, so that nothing swapped meanwhile leads elsewhere.

    Root follows a link only where nobody else could have put it there. Raises PublishError for other links; OSError.
    """
    here, waiting, links = os.open("/", FOLDER), list(reversed(path.absolute().parts[1:])), 0
    try:
        while waiting:
            name = waiting.pop()
            there = _enter(here, name, make=make)
            if there is None:
                links += 1
                target = Path(_read_link(here, name, path, links))
                waiting += reversed([part for part in target.parts if part != "/"])
                there = os.open("/" if target.is_absolute() else ".", FOLDER, dir_fd=here)
            os.close(here)
            here = there
        yield here
    finally:
        os.close(here)


def _enter(folder: int, name: str, *, make: bool) -> int | None:
    """Return the folder `name` in `folder`, None where it is a link."""
    try:
        return os.open(name, FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
        with suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=folder)
        return _enter(folder, name, make=False)
    except OSError:
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            return None
        raise


def _read_link(folder: int, name: str, path: Path, links: int) -> str:
    """Return where a link leads; raises PublishError where it is not to be trusted."""
    link, around = os.stat(name, dir_fd=folder, follow_symlinks=False), os.fstat(folder)
    us = {0, os.geteuid()}
    # Whoever is not root can only be led to where he may go anyway.
    trusted = os.geteuid() != 0 or (
        {link.st_uid, around.st_uid} <= us and (not around.st_mode & 0o022 or around.st_mode & stat.S_ISVTX)
    )
    if links > MAX_LINKS or not trusted:
        raise PublishError(f"{path}: {name} is a link, and uid {link.st_uid} made it", "put a real folder there")
    return os.readlink(name, dir_fd=folder)


def list_folder(folder: int) -> list[str]:
    """Return the names in a folder; raises OSError where it may only be passed through."""
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.listdir(descriptor)  # noqa: PTH208 - a descriptor, which no path can be swapped under
    finally:
        os.close(descriptor)


def sync_folder(folder: int) -> None:
    """Make the names in a folder survive a power loss."""
    descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def has_first_line(name: str, text: bytes, folder: int) -> os.stat_result | None:
    """Return what `name` in a folder is, if it is a file whose first line holds `text`; None otherwise."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    try:
        state = os.fstat(descriptor)
        marked = stat.S_ISREG(state.st_mode) and text in os.read(descriptor, 4096).partition(b"\n")[0]
        return state if marked else None
    finally:
        os.close(descriptor)


def remove_marked(path: Path, text: bytes) -> None:
    """Remove the file at `path` if its first line holds `text`; anything else stays."""
    with suppress(FileNotFoundError, NotADirectoryError), opened_folder(path.parent) as folder:
        found = has_first_line(path.name, text, folder)
        if found is not None and os.path.samestat(found, os.stat(path.name, dir_fd=folder, follow_symlinks=False)):
            os.unlink(path.name, dir_fd=folder)
            sync_folder(folder)
