"""What is written down of a run when it begins: all that it takes to plan the same run again, and no secret. Pure.

The journal and report.json hold it: the one for a run that was cut off, the other for a later verification.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True)
class RunRecord:
    """What a run was asked and what it found, as far as the same plan depends on it."""

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
    """The URL of the target without its password, by which it is known; None where none could be reached."""
    reached_by: str | None
    """How a person reaches it again: that URL, with the password file that the command line named."""
    schema_existed: bool
    """Whether the schema stood there before, empty."""
    sources: tuple[tuple[Path, str], ...]
    """Every file of the old databases, and its sha256."""
    files: tuple[Path, ...]
    """The places of the new configuration files."""
    docs: Path
    """The place of the shared snippets."""
    snippets: tuple[Path, ...]
    """The snippets, as they are named in that place."""
    private: Path
    new_directories: tuple[Path, ...]
    """Directories that did not exist, parents first."""

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return dict(_RECORD.dump_python(self, mode="json"))

    @classmethod
    def from_json(cls, values: object) -> RunRecord:
        """Return the record that `to_json` made these values of; raises ValueError where they are something else."""
        return _RECORD.validate_python(values)


_RECORD = TypeAdapter(RunRecord)
