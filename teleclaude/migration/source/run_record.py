"""The record of a run, written when it begins: everything that planning the same run again needs, and no secret. Pure.

The journal holds it for a run that is cut off, report.json for a later verification.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True)
class RunRecord:
    """What a run was asked and what it found, as far as the plan depends on it."""

    run: str
    started_at: str
    dry_run: bool
    checkout: Path
    home: Path
    root: Path | None
    person: str | None
    uid: int | None
    timezone: str
    batch_size: int
    target: str | None
    """The URL of the target without its password; None where no target could be reached."""
    reached_by: str | None
    """That URL with the password file that the command line named, for a person who connects again."""
    schema_existed: bool
    """Whether the schema existed before, empty."""
    sources: tuple[tuple[Path, str], ...]
    """Every file of the old databases, and its sha256."""
    files: tuple[Path, ...]
    """The places of the new configuration files."""
    docs: Path
    """The place of the shared snippets."""
    snippets: tuple[Path, ...]
    """The names of the snippets in that place."""
    private: Path
    new_directories: tuple[Path, ...]
    """Directories that did not exist, parents first."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return dict(_RECORD.dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, values: object) -> RunRecord:
        """Return the record that `to_json` made these values of; raises ValueError for other values."""
        return _RECORD.validate_python(values)


@dataclass(frozen=True)
class JournaledRun:
    """A run that began and did not end, as its journal says, and whose process is gone."""

    folder: Path
    record: RunRecord
    """What the run wrote down when it began."""
    committing: bool
    """Whether the COMMIT was sent, or was about to be sent."""

    @property
    def run(self) -> str:
        """The name of the run."""
        return self.folder.name


_RECORD = TypeAdapter(RunRecord)
