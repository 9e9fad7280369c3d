"""The journal of a run: what was begun and done, and how each step is taken back, on disk before the step begins.

One JSON object a line. It holds no secret.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teleclaude.errors import SourceError
from teleclaude.migration.source.installation import SourceDatabase
from teleclaude.migration.source.run_record import JournaledRun, RunRecord
from teleclaude.migration.source.target import TargetRun

_NAME = "journal.jsonl"

COMMIT = {"step": "transfer", "event": "commit"}
"""Written before the COMMIT is sent: without it nothing of the run is on the target."""

SETTLED = {"event": "settled"}
"""The last entry: the run is complete, or nothing of it is left."""


@dataclass(frozen=True)
class Interrupted:
    """A run that was cut off, as the target and the state directory tell of it; either may know nothing of it."""

    run: str
    on_target: TargetRun | None
    journal: JournaledRun | None

    @property
    def record(self) -> RunRecord | None:
        """What the run wrote down when it began, None where its journal is lost."""
        return self.journal.record if self.journal else None

    @property
    def is_complete(self) -> bool:
        """Whether it was cut off after its last step."""
        return self.on_target is not None and self.on_target.state == "complete"

    @property
    def sentence(self) -> str:
        """What happened."""
        if self.is_complete:
            return f"the migration {self.run} is complete, and was cut off before it could say so"
        return f"the migration {self.run} was cut off after its commit; it is neither finished nor taken back"


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
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps({"at": datetime.now(UTC).isoformat(), **entry}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def try_entry(folder: Path, entry: dict[str, Any]) -> None:
    """Add an entry if it can be done: nothing may keep an undo from going on."""
    with suppress(OSError):
        write_entry(folder, entry)


def read_journal(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return the entries of a run, none where there is no journal; a line that a crash cut off is left out."""
    entries = []
    with suppress(OSError):
        for line in (folder / _NAME).read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError):
                entries.append(json.loads(line))
    return tuple(entry for entry in entries if isinstance(entry, dict))


def find_entry(entries: tuple[dict[str, Any], ...], event: str) -> dict[str, Any] | None:
    """Return the last entry of a kind."""
    return next((entry for entry in reversed(entries) if entry.get("event") == event), None)


def find_record(entries: tuple[dict[str, Any], ...]) -> RunRecord | None:
    """Return the record that a journal begins with, None where it has none.

    Raises SourceError where it is the record of another version of this program.
    """
    start = find_entry(entries, "start")
    try:
        return None if start is None else RunRecord.from_json(start.get("record"))
    except ValueError:
        raise SourceError(
            "the journal of a run that was cut off was written by another version of teleclaude",
            "finish the run or take it back with the version that began it",
        ) from None
