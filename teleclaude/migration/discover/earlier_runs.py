"""Earlier runs: those that still go on, and those that were cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from teleclaude.db.file_lock import hold_existing
from teleclaude.errors import LockHeldError
from teleclaude.migration.source.inventory import Activity, JournaledRun
from teleclaude.migration.state.journal import COMMIT, SETTLED, find_entry, find_record, read_journal


def find_runs(folder: Path) -> tuple[tuple[JournaledRun, ...], tuple[Activity, ...]]:
    """Return the runs below `folder` that were cut off; while one goes on, who that is instead.

    Raises SourceError where such a run is one of another version of this program.
    """
    try:
        with hold_existing(folder, "migration"):
            return tuple(_cut_off(folder)), ()
    except LockHeldError as error:
        return (), (Activity(error.message, error.hint),)
    except OSError:
        # There is no such folder, or it is not for us to look into; then nothing of ours is in it.
        return (), ()


def _cut_off(folder: Path) -> Iterator[JournaledRun]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        entries = read_journal(path)
        if find_entry(entries, SETTLED["event"]):
            continue
        record = find_record(path)
        if record is not None and not record.dry_run:
            yield JournaledRun(path, record, find_entry(entries, COMMIT["event"]) is not None)
