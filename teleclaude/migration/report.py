"""The report of a run, folded from the events of its steps. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from teleclaude.errors import Exit
from teleclaude.migration.events import (
    Belonging,
    ConstraintResult,
    FilePreview,
    FileResult,
    Finding,
    Forecast,
    IdentityResult,
    LedgerResult,
    Left,
    ProbeResult,
    Result,
    SourceFileResult,
    SwitchOver,
    TableResult,
)

REPORT_VERSION = 1


@dataclass(frozen=True)
class Failure:
    """Why a run stopped: one sentence and the remedy; `kind` is the class of the error."""

    message: str
    hint: str
    kind: str
    exit_code: Exit


@dataclass(frozen=True)
class StepRun:
    """One step as it went: `done`, `failed`, and for a step that was taken back `undone` or `not undone`."""

    name: str
    outcome: str
    seconds: float
    events: tuple[Finding | Result, ...] = field(repr=False, default=())


T = TypeVar("T", bound=Finding | Result)


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

    def all(self, kind: type[T]) -> tuple[T, ...]:
        """Return every event of a kind, in order."""
        return tuple(self._events(kind))

    def _events(self, kind: type[T]) -> Iterator[T]:
        for step in self.steps:
            for event in step.events:
                if isinstance(event, kind):
                    yield event

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values, the contract that other programs read."""
        ledger, probe = self.all(LedgerResult), self.all(ProbeResult)
        files = self.all(FileResult)
        return {
            "version": REPORT_VERSION,
            **self.header,
            "ok": self.ok,
            "exit_code": int(self.exit_code),
            "load_rehearsed": self.ok and bool(self.all(TableResult)) if self.header["dry_run"] else None,
            "failure": asdict(self.failure) if self.failure else None,
            "source": {**self.header.get("source", {}), "files": plain(self.all(SourceFileResult))},
            "tables": plain(self.all(TableResult)),
            "forecast": next(iter(plain(self.all(Forecast))), None),
            "identities": plain(self.all(IdentityResult)),
            "constraints": plain(self.all(ConstraintResult)),
            "files": plain(tuple(file for file in files if file.kind != "docs")),
            "docs": plain(tuple(file for file in files if file.kind == "docs")),
            "probe": asdict(probe[-1]) if probe else None,
            "preview": plain(self.all(FilePreview)),
            "installation": plain(self.all(Belonging)),
            "left": plain(self.all(Left)),
            "switch_over": plain(self.all(SwitchOver)),
            "steps": [{"name": s.name, "outcome": s.outcome, "seconds": round(s.seconds, 3)} for s in self.steps],
            "findings": plain(self.all(Finding)),
            "ledger": asdict(ledger[-1]) if ledger else None,
            "next": list(self.next),
            "undo": list(self.undo),
        }


def plain(results: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return frozen results as dictionaries."""
    return [asdict(result) for result in results]
