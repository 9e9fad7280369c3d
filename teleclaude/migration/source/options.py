"""What the operator asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Recovery(StrEnum):
    """What to do with a run that was cut off after its commit."""

    RESUME = "resume"
    UNDO = "undo"


@dataclass(frozen=True)
class Options:
    """The command line of a migration, one field a flag."""

    source: Path | None = None
    home: Path | None = None
    target: str | None = None
    root: Path | None = None
    person: str | None = None
    uid: int | None = None
    batch_size: int = 1000
    timezone: str | None = None
    dry_run: bool = False
    report_dir: Path | None = None
    recovery: Recovery | None = None
    """None for a new migration, which asks about a run that was cut off."""

    def __repr__(self) -> str:
        """Leave the target out, which may hold a password."""
        return f"Options(source={self.source}, home={self.home}, root={self.root}, person={self.person})"
