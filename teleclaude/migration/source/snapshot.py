"""The snapshot: a private copy of an old database with its WAL, and whether the files are still the same."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import psutil

from teleclaude.errors import SourceError
from teleclaude.migration.source.files import copy_file, digest_now, hash_file, opened
from teleclaude.migration.source.installation import SourceDatabase, SourceFile
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.problems import CHANGED, NO_ROOM

_SUFFIXES = ("", "-wal", "-journal")
"""The endings of the files that make a database (SQLite manual, "Temporary Files", section 2)."""


def copy_database(privsep: Privsep, path: Path, folder: Path) -> tuple[Path, tuple[SourceFile, ...], int]:
    """Copy a database with its WAL into `folder`; return the copy, the files that were copied, and the owner's uid.

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
    if copies[Path(f"{path}-journal")].is_file():
        _roll_back(copy)
    return copy, tuple(files), states[path].st_uid


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
    """Raise SourceError where a file of an old database changed after the copy or is new."""
    for database in databases:
        changed = _find_changed(privsep, database.path, database.files)
        if changed:
            raise SourceError(CHANGED.fill(path=changed))


def _roll_back(copy: Path) -> None:
    """Let SQLite apply the rollback journal beside the copy (SQLite manual, "Atomic Commit", section 4)."""
    with closing(sqlite3.connect(copy)) as connection, suppress(sqlite3.DatabaseError):
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
