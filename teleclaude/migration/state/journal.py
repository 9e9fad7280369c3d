"""The journal of a run: what was begun and done, and how each step is undone. A step begins when its entry is on disk.

It has one JSON object a line, and no secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teleclaude.errors import Problem, SourceError
from teleclaude.migration.source.installation import SourceDatabase
from teleclaude.migration.source.inventory import TargetRun
from teleclaude.migration.source.run_record import JournaledRun, RunRecord
from teleclaude.migration.state.problems import CUT_OFF, CUT_OFF_COMPLETE, OTHER_VERSION

_NAME = "journal.jsonl"

COMMIT = {"step": "transfer", "event": "commit"}
"""Written before the COMMIT is sent: without it nothing of the run is on the target."""

SETTLED = {"event": "settled"}
"""The last entry: the run is complete, or nothing of it is left."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name the file in an OSError that has no name, as that of a write to a full disk."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@dataclass(frozen=True)
class Interrupted:
    """A run that was cut off: its row on the target and its journal. Either may be lost."""

    run: str
    on_target: TargetRun | None
    journal: JournaledRun | None

    @property
    def record(self) -> RunRecord | None:
        """What the run wrote down when it began, None where its journal is lost."""
        return self.journal.record if self.journal else None

    @property
    def is_complete(self) -> bool:
        """Whether its last step was done."""
        return self.on_target is not None and self.on_target.state == "complete"

    @property
    def problem(self) -> Problem:
        """What happened, and what the operator can do."""
        return (CUT_OFF_COMPLETE if self.is_complete else CUT_OFF).fill(run=self.run)


def digests(databases: tuple[SourceDatabase, ...]) -> tuple[tuple[Path, str], ...]:
    """Return the sha256 of every file of the old databases that was copied."""
    return tuple(sorted((file.path, file.sha256) for database in databases for file in database.files))


def write_record(folder: Path, record: RunRecord) -> None:
    """Begin the journal with the record of the run."""
    write_entry(folder, {"event": "start", "pid": os.getpid(), "record": record.to_json()})


def write_entry(folder: Path, entry: dict[str, Any]) -> None:
    """Add an entry and wait until it is on disk."""
    path = folder / _NAME
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with naming(path), os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps({"at": datetime.now(UTC).isoformat(), **entry}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def try_entry(folder: Path, entry: dict[str, Any]) -> None:
    """Add an entry if that works; an undo goes on without it."""
    with suppress(OSError):
        write_entry(folder, entry)


def read_journal(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return the entries of a run, none where there is no journal; a line that a crash cut off is left out."""
    entries = []
    with suppress(OSError):
        for line in (folder / _NAME).read_text(encoding="utf-8", errors="replace").splitlines():
            # A damaged line may have any form, such as more brackets than the parser takes.
            with suppress(ValueError, RecursionError):
                entries.append(json.loads(line))
    return tuple(entry for entry in entries if isinstance(entry, dict))


def find_entry(entries: tuple[dict[str, Any], ...], event: str) -> dict[str, Any] | None:
    """Return the last entry of a kind."""
    return next((entry for entry in reversed(entries) if entry.get("event") == event), None)


def find_record(folder: Path) -> RunRecord | None:
    """Return the record that the journal in a folder begins with, None where it has none.

    Raises SourceError where it is the record of another version of this program.
    """
    start = find_entry(read_journal(folder), "start")
    try:
        return None if start is None else RunRecord.from_json(start.get("record"))
    except ValueError:
        raise SourceError(OTHER_VERSION.fill(journal=folder / _NAME)) from None
