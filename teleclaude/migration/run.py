"""A run as it goes: steps, who watches, and what its report will be made of."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from teleclaude.errors import Exit, TeleClaudeError
from teleclaude.migration.plan import Plan, describe
from teleclaude.migration.report import Event, Failure, Finding, Report, Severity, StepRun, warning
from teleclaude.migration.way_back import undo_script, undo_statements

REPORT_NAME = "report.json"
WAY_BACK_NAME = "way-back.txt"


@dataclass(frozen=True)
class Step:
    """One step, how it is taken back, and the same in commands for a person."""

    name: str
    run: Callable[[Plan], AsyncGenerator[Event, None]]
    undo: Callable[[Plan], Awaitable[None]] | None = None
    commands: Callable[[Plan], tuple[str, ...]] = lambda _plan: ()


class Observer:
    """Told of everything as it happens; this one is silent and consents."""

    def step(self, name: str) -> None:
        """Learn that a step begins."""

    def event(self, event: Event) -> None:
        """Learn what a step yields."""

    def undoing(self, name: str) -> None:
        """Learn that a step is taken back."""

    def consents(self, plan: Plan) -> bool:
        """Say whether the plan is to be carried out; asked once, when nothing stands in the way."""
        del plan
        return True


@dataclass
class Run:
    """What has happened so far."""

    plan: Plan
    observer: Observer
    steps: list[StepRun] = field(default_factory=list)
    failure: Failure | None = None
    undo: tuple[str, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether a step found something that must be mended first."""
        events = (event for step in self.steps for event in step.events)
        return any(isinstance(event, Finding) and event.severity is Severity.ERROR for event in events)

    def mark(self, name: str, outcome: str) -> None:
        """Say what became of a step after it ran."""
        self.steps = [replace(step, outcome=outcome) if step.name == name else step for step in self.steps]

    def to_report(self) -> Report:
        """Return the report as far as the run has gone."""
        return Report(describe(self.plan), tuple(self.steps), self.failure, self.undo)


def new_run() -> str:
    """Return the name of a run: when it began, and something that no other run has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def to_failure(error: BaseException) -> Failure:
    """Return why a run stopped, in a sentence and with what to do next."""
    if isinstance(error, asyncio.CancelledError):
        return Failure("interrupted; everything was taken back", "run it again", "Interrupted", Exit.INTERRUPTED)
    if isinstance(error, TeleClaudeError):
        return Failure(error.message, error.hint, type(error).__name__, Exit.UNDONE)
    if isinstance(error, OSError):
        reason = f"{error.filename or 'a file of this run'}: {error.strerror or type(error).__name__}"
        return Failure(reason, "make room or see to the place, and run again", type(error).__name__, Exit.UNDONE)
    sentence = f"an error that nobody foresaw: {type(error).__name__}"
    return Failure(sentence, "report it with the journal of this run", type(error).__name__, Exit.UNDONE)


def write_undo_script(plan: Plan) -> None:
    """Keep the SQL that empties the target, before there is anything in it to empty."""
    _write_private(undo_script(plan), "".join(f"{statement};\n" for statement in undo_statements(plan)))


def write_report(run: Run) -> None:
    """Keep the report and the way back in the folder of the run; where that fails, the report says so itself."""
    report = run.to_report()
    try:
        _write_private(run.plan.folder / WAY_BACK_NAME, "".join(f"{line}\n" for line in report.undo))
        text = json.dumps(report.to_json(), indent=2)
        _write_private(run.plan.folder / REPORT_NAME, text)
    except OSError as error:
        finding = warning("report", f"{error.filename} could not be written: {error.strerror}", "keep what is printed")
        run.steps.append(StepRun("report", "failed", 0.0, (finding,)))


def _write_private(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
