"""The report of a run, folded from the events of its steps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from teleclaude.errors import Exit, Problem
from teleclaude.migration.report import events
from teleclaude.migration.report.events import Finding, Result, TableResult, TableUse

REPORT_VERSION = 1


@dataclass(frozen=True)
class Failure:
    """Why a run stopped; `kind` is the name of the class of the error."""

    problem: Problem
    kind: str
    exit_code: Exit


@dataclass(frozen=True)
class StepRun:
    """One step and its outcome: `done`, `failed`, or of a step that was undone `undone` or `not undone`."""

    name: str
    outcome: str
    seconds: float
    events: tuple[Finding | Result, ...] = field(repr=False, default=())


_T = TypeVar("_T", bound=Finding | Result)


@dataclass(frozen=True)
class Report:
    """A run of the migration. `header` comes from the Plan; everything else is folded from the steps."""

    header: Mapping[str, Any]
    steps: tuple[StepRun, ...]
    failure: Failure | None = None
    undo: tuple[str, ...] = ()
    """How to go back after a success, or how to finish an undo that failed."""
    next: tuple[str, ...] = ()
    """How to go on after a success."""

    @property
    def ok(self) -> bool:
        """Whether everything was done and verified."""
        return self.failure is None

    @property
    def exit_code(self) -> Exit:
        """The exit code of the command, which says what the operator does next."""
        return Exit.DONE if self.failure is None else self.failure.exit_code

    def all(self, kind: type[_T]) -> tuple[_T, ...]:
        """Return every event of a kind, in order."""
        return tuple(event for step in self.steps for event in step.events if isinstance(event, kind))

    def _plain(self, kind: type[_T]) -> list[dict[str, Any]]:
        return [to_plain(event) for event in self.all(kind)]

    def _last(self, kind: type[_T]) -> dict[str, Any] | None:
        return next(reversed(self._plain(kind)), None)

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values: the contract with other programs (report.schema.json)."""
        files = self._plain(events.FileResult)
        return {
            "version": REPORT_VERSION,
            **self.header,
            "ok": self.ok,
            "exit_code": int(self.exit_code),
            "load_rehearsed": self.ok and bool(self.all(TableResult)) if self.header["dry_run"] else None,
            "failure": to_plain(self.failure) if self.failure else None,
            "source": {**self.header.get("source", {}), "files": self._plain(events.SourceFileResult)},
            "tables": self._plain(TableResult),
            "forecast": self._last(events.Forecast),
            "idle_sessions": self._last(events.IdleSessions),
            "sequences": self._plain(events.SequenceResult),
            "constraints": self._plain(events.ConstraintResult),
            "files": [file for file in files if file["kind"] != "docs"],
            "docs": [file for file in files if file["kind"] == "docs"],
            "lost_references": self._plain(events.LostReference),
            "probe": self._last(events.ProbeResult),
            "preview": self._plain(events.FilePreview),
            "installation": self._plain(events.OldFile),
            "left": self._plain(events.Left),
            "cutover": self._plain(events.CutoverItem),
            "steps": [{"name": s.name, "outcome": s.outcome, "seconds": round(s.seconds, 3)} for s in self.steps],
            "findings": self._plain(Finding),
            "ledger": self._last(events.LedgerResult),
            "next": list(self.next),
            "undo": list(self.undo),
        }


def to_plain(event: Finding | Result | TableUse | Failure) -> dict[str, Any]:
    """Return the fields of an event for the report; those of its problem are beside the others."""
    plain: dict[str, Any] = {}
    for name, value in asdict(event).items():
        plain |= value if name == "problem" else {name: value}
    return plain
