"""The snapshot: a private copy of an old database with its WAL, and whether the files are still the same."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from teleclaude.errors import SourceError
from teleclaude.migration.source.files import copy_file, digest_now, hash_file, opened, require_copies
from teleclaude.migration.source.installation import SourceDatabase, SourceFile
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.problems import CHANGED, NO_ROOM
from teleclaude.migration.source.unprivileged import find_real

_SUFFIXES = ("", "-wal", "-journal")
"""The endings of the files that make a database (SQLite manual, "Temporary Files", section 2)."""


@dataclass(frozen=True)
class Snapshot:
    """A private copy, the files that were copied, the database itself first, and the owner's uid."""

    copy: Path
    files: tuple[SourceFile, ...]
    uid: int
    copies: Mapping[Path, str]
    """The sha256 of each private file."""


def copy_database(privsep: Privsep, path: Path, folder: Path) -> Snapshot:
    """Copy a database with its WAL into `folder`; `path` has no link in it, as the names of WAL and journal have none.

    The `-shm` file is left out, because SQLite makes it again. A transaction that was cut off is rolled back in the
    copy, as the old program does at its next start. Raises SourceError where a file changes during the copy, or the
    disk is too small.
    """
    folder.mkdir()
    copy = folder / "teleclaude.db"
    copies = {Path(f"{path}{suffix}"): Path(f"{copy}{suffix}") for suffix in _SUFFIXES}
    states: dict[Path, os.stat_result] = {}
    for source in copies:
        with suppress(FileNotFoundError), opened(privsep, source) as descriptor:
            states[source] = os.fstat(descriptor)
    _check_room(path, sum(state.st_size for state in states.values()), folder)
    files = []
    for source in states:
        with suppress(FileNotFoundError):
            files.append(SourceFile(source, copy_file(privsep, source, copies[source], None), copies[source]))
    changed = _find_changed(privsep, path, files)
    if changed or path not in [file.path for file in files]:
        raise SourceError(CHANGED.fill(path=changed or path))
    digests = {copies[file.path]: file.sha256 for file in files}
    if copies[Path(f"{path}-journal")].is_file():
        _roll_back(copy)
        digests = {made: digest for made in copies.values() if (digest := hash_file(Privsep(), made))}
    return Snapshot(copy, tuple(files), states[path].st_uid, digests)


def holds_changes(privsep: Privsep, part: Path) -> bool:
    """Whether there is a WAL or journal that is not empty; a journal that was ended begins with zeros."""
    try:
        with opened(privsep, part) as descriptor:
            return any(os.read(descriptor, 8))
    except FileNotFoundError:
        return False


def find_parts(privsep: Privsep, name: Path, real: Path) -> tuple[Path, ...]:
    """Return the WAL and journal beside another name of the database `real`, without those that are also beside it."""
    found = []
    for suffix in _SUFFIXES[1:]:
        part, ours = Path(f"{name}{suffix}"), Path(f"{real}{suffix}")
        if holds_changes(privsep, part) and not _is_one(privsep, part, ours):
            found.append(part)
    return tuple(found)


def _is_one(privsep: Privsep, one: Path, other: Path) -> bool:
    try:
        with opened(privsep, one) as first, opened(privsep, other) as second:
            return os.path.samestat(os.fstat(first), os.fstat(second))
    except FileNotFoundError:
        return False


def _find_changed(privsep: Privsep, path: Path, files: Sequence[SourceFile]) -> Path | None:
    """Return a file of a database that changed after the copy or is new, None where all are the same."""
    known = {file.path: file for file in files}
    for part in (Path(f"{path}{suffix}") for suffix in _SUFFIXES):
        if part not in known and hash_file(privsep, part):
            return part
        if part in known and digest_now(privsep, known[part]) != known[part].sha256:
            return part
    return None


def _check_room(path: Path, needed: int, folder: Path) -> None:
    free = psutil.disk_usage(str(folder)).free
    if needed * 1.1 > free:
        raise SourceError(NO_ROOM.fill(path=path, needed=needed / 1e6, folder=folder.parent, free=free / 1e6))


def check_unchanged(privsep: Privsep, databases: tuple[SourceDatabase, ...]) -> None:
    """Raise SourceError where a file of an old database changed after the copy or is new, or a link leads elsewhere.

    So it does where a copy is another one now.
    """
    for database in databases:
        require_copies(database.copies)
        real = database.real.path
        changed = _find_changed(privsep, real, database.files)
        if changed is None and privsep.call(find_real, str(database.path)) != str(real):
            changed = database.path
        for name in database.names.others if changed is None else ():
            changed = next(iter(find_parts(privsep, name, real)), changed)
        if changed:
            raise SourceError(CHANGED.fill(path=changed))


def _roll_back(copy: Path) -> None:
    """Let SQLite apply the rollback journal beside the copy (SQLite manual, "Atomic Commit", section 4)."""
    with closing(sqlite3.connect(copy)) as connection, suppress(sqlite3.DatabaseError):
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
