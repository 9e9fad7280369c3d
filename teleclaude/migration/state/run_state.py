"""What has happened in a run so far, and who is told of it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from teleclaude.errors import Exit, Problem
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.plan.rollback import describe_next, describe_rollback
from teleclaude.migration.report.events import Event, Finding, Severity
from teleclaude.migration.report.report import Failure, Report, StepRun
from teleclaude.migration.source.options import Recovery
from teleclaude.migration.state.journal import Interrupted
from teleclaude.migration.state.run_files import make_header


def new_run() -> str:
    """Return the name of a run: the time when it began, and a random part."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


class Observer:
    """Is told of everything as it happens; this one says nothing and agrees."""

    def step(self, name: str) -> None:
        """A step begins."""

    def event(self, event: Event) -> None:
        """A step yields something."""

    def undoing(self, name: str) -> None:
        """A step is being undone."""

    def consents(self, plan: Plan) -> bool:
        """Whether the operator agrees to the plan; asked once, when nothing refuses the run."""
        del plan
        return True

    def decides(self, interrupted: Interrupted) -> Recovery | None:
        """What the operator decides of a run that was cut off; None where nobody can be asked."""
        del interrupted
        return None


@dataclass
class Run:
    """What has happened in a run so far."""

    plan: Plan
    observer: Observer
    steps: list[StepRun] = field(default_factory=list)
    failure: Failure | None = None
    undo: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    ended: bool = False
    """Whether everything is done, so that an interrupt comes too late."""
    settled: bool = False
    """Whether the run is complete, or nothing of it is left."""

    @property
    def refused(self) -> bool:
        """Whether a step found something that must be fixed first."""
        events = (event for step in self.steps for event in step.events)
        return any(isinstance(event, Finding) and event.severity is Severity.ERROR for event in events)

    def refuse(self, problem: Problem, kind: str = "Refused") -> None:
        """Stop before anything was changed."""
        self.failure = Failure(problem, kind, Exit.REFUSED)

    def succeed(self) -> None:
        """Say what to do next, and how to go back."""
        self.next, self.undo = describe_next(self.plan), describe_rollback(self.plan)

    def mark(self, name: str, outcome: str) -> None:
        """Change the outcome of a step that ran."""
        self.steps = [replace(step, outcome=outcome) if step.name == name else step for step in self.steps]

    def to_report(self) -> Report:
        """Return the report of what has happened so far."""
        return Report(make_header(self.plan), tuple(self.steps), self.failure, self.undo, self.next)
