"""What exists where the new installation will be: its files, folders others can change, and earlier runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from teleclaude.config.folders import find_unsafe_folder, opened_folder
from teleclaude.daemon.service_user import find_identity
from teleclaude.db.file_lock import hold_existing
from teleclaude.errors import LockHeldError
from teleclaude.layout import Layout
from teleclaude.migration.source.inventory import Activity, Destinations
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.run_record import JournaledRun
from teleclaude.migration.state.journal import COMMIT, SETTLED, find_entry, find_record, read_journal


def find_destinations(layout: Layout, user_file: Path, report_dir: Path | None, writer: Privsep) -> Destinations:
    """Return what exists in the new places; `writer` is the process that will write the user's file.

    Raises PublishError where the way to a place is one that the migration will refuse to go.
    """
    system = (layout.system_config, layout.secrets, layout.docs)
    reports = report_dir.absolute() if report_dir else layout.migrations
    folders = (layout.docs, *(path.parent for path in system), reports)
    guarded = layout.root is None and os.geteuid() == 0
    for folder in folders:
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError), opened_folder(folder):
            pass
    closed = {*_not_writable([*map(str, folders)]), *writer.call(_not_writable, [str(user_file.parent)])}
    unsafe = {find_unsafe_folder(path.parent) for path in system} if guarded else set()
    return Destinations(
        existing=frozenset(path for path in (*system, user_file) if _is_taken(path)),
        new_directories=_missing_directories((*folders, user_file.parent)),
        not_writable=tuple(sorted(map(Path, closed))),
        unsafe_folders=tuple(sorted(folder for folder in unsafe if folder is not None)),
        unsafe_run_folder=find_unsafe_folder(reports) if guarded else None,
        service_user_exists=find_identity(layout.service_user) is not None,
    )


def _is_taken(path: Path) -> bool:
    """Whether `path` exists; an empty directory does not count."""
    if path.is_dir() and not path.is_symlink():
        return any(path.iterdir())
    return os.path.lexists(path)


def _missing_directories(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the directories that have to be made for `paths`, parents first."""
    needed = {parent for path in paths for parent in (path, *path.parents) if not parent.exists()}
    return tuple(sorted(needed, key=lambda path: (len(path.parts), path)))


def _not_writable(folders: list[str]) -> list[str]:
    """Return those that this process cannot write to, or cannot make."""
    paths = [Path(folder) for folder in folders]
    existing = {path: next(parent for parent in (path, *path.parents) if parent.exists()) for path in paths}
    return sorted({str(path) for path, place in existing.items() if not os.access(place, os.W_OK | os.X_OK)})


def find_runs(folder: Path) -> tuple[tuple[JournaledRun, ...], tuple[Activity, ...]]:
    """Return the runs below `folder` that were cut off; while a run goes on there, only that activity.

    Raises SourceError where such a run is one of another version of this program.
    """
    try:
        with hold_existing(folder, "migration"):
            return tuple(_find_cut_off(folder)), ()
    except LockHeldError as error:
        return (), (Activity(error.problem),)
    except OSError:
        # The folder is missing or closed to this process, which then has never written there.
        return (), ()


def _find_cut_off(folder: Path) -> Iterator[JournaledRun]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        entries = read_journal(path)
        if find_entry(entries, SETTLED["event"]):
            continue
        record = find_record(path)
        if record is not None and not record.dry_run:
            yield JournaledRun(path, record, find_entry(entries, COMMIT["event"]) is not None)
