"""Earlier runs: those that still go on, and those that were cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from teleclaude.db.file_lock import hold_existing
from teleclaude.errors import LockHeldError
from teleclaude.migration.inventory import Holder, JournaledRun
from teleclaude.migration.journal import COMMIT, SETTLED, find_entry, read_journal


def find_runs(folder: Path) -> tuple[tuple[JournaledRun, ...], tuple[Holder, ...]]:
    """Return the runs below `folder` that were cut off; while one goes on, who that is instead."""
    try:
        with hold_existing(folder, "migration"):
            return tuple(_cut_off(folder)), ()
    except LockHeldError as error:
        return (), (Holder(error.message, error.hint),)
    except OSError:
        # There is no such folder, or it is not for us to look into; then nothing of ours is in it.
        return (), ()


def _cut_off(folder: Path) -> Iterator[JournaledRun]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        entries = read_journal(path)
        start = find_entry(entries, "start")
        if start is not None and not start["dry_run"] and not find_entry(entries, SETTLED["event"]):
            yield JournaledRun(path, start, find_entry(entries, COMMIT["event"]) is not None)
