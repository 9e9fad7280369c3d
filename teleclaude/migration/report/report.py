"""The report of a run, folded from the events of its steps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from teleclaude.errors import Exit, Problem
from teleclaude.migration.report.events import (
    ConstraintResult,
    CutoverItem,
    FilePreview,
    FileResult,
    Finding,
    Forecast,
    LedgerResult,
    Left,
    OldFile,
    ProbeResult,
    Result,
    SequenceResult,
    SourceFileResult,
    TableResult,
)

REPORT_VERSION = 1


@dataclass(frozen=True)
class Failure:
    """Why a run stopped; `kind` is the class of the error."""

    problem: Problem
    kind: str
    exit_code: Exit


@dataclass(frozen=True)
class StepRun:
    """One step as it went: `done`, `failed`, and for a step that was taken back `undone` or `not undone`."""

    name: str
    outcome: str
    seconds: float
    events: tuple[Finding | Result, ...] = field(repr=False, default=())


_T = TypeVar("_T", bound=Finding | Result)


@dataclass(frozen=True)
class Report:
    """A run of the migration. `header` is what the Plan says of it; everything else is folded from the steps."""

    header: Mapping[str, Any]
    steps: tuple[StepRun, ...]
    failure: Failure | None = None
    undo: tuple[str, ...] = ()
    """How to go back after a success, or how to finish an undo that failed."""
    next: tuple[str, ...] = ()
    """How to go on after a success."""

    @property
    def ok(self) -> bool:
        """Whether everything was done and proved."""
        return self.failure is None

    @property
    def exit_code(self) -> Exit:
        """What the operator does next."""
        return Exit.DONE if self.failure is None else self.failure.exit_code

    def all(self, kind: type[_T]) -> tuple[_T, ...]:
        """Return every event of a kind, in order."""
        return tuple(event for step in self.steps for event in step.events if isinstance(event, kind))

    def _plain(self, kind: type[_T]) -> list[dict[str, Any]]:
        return [to_plain(event) for event in self.all(kind)]

    def _last(self, kind: type[_T]) -> dict[str, Any] | None:
        return next(reversed(self._plain(kind)), None)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values, the contract that other programs read."""
        files = self._plain(FileResult)
        return {
            "version": REPORT_VERSION,
            **self.header,
            "ok": self.ok,
            "exit_code": int(self.exit_code),
            "load_rehearsed": self.ok and bool(self.all(TableResult)) if self.header["dry_run"] else None,
            "failure": to_plain(self.failure) if self.failure else None,
            "source": {**self.header.get("source", {}), "files": self._plain(SourceFileResult)},
            "tables": self._plain(TableResult),
            "forecast": self._last(Forecast),
            "sequences": self._plain(SequenceResult),
            "constraints": self._plain(ConstraintResult),
            "files": [file for file in files if file["kind"] != "docs"],
            "docs": [file for file in files if file["kind"] == "docs"],
            "probe": self._last(ProbeResult),
            "preview": self._plain(FilePreview),
            "installation": self._plain(OldFile),
            "left": self._plain(Left),
            "cutover": self._plain(CutoverItem),
            "steps": [{"name": s.name, "outcome": s.outcome, "seconds": round(s.seconds, 3)} for s in self.steps],
            "findings": self._plain(Finding),
            "ledger": self._last(LedgerResult),
            "next": list(self.next),
            "undo": list(self.undo),
        }


def to_plain(event: Finding | Result | Failure) -> dict[str, Any]:
    """Return the fields of an event as the report has them: those of its problem beside the others."""
    plain: dict[str, Any] = {}
    for name, value in asdict(event).items():
        plain |= value if name == "problem" else {name: value}
    return plain
