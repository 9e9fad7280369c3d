"""What has happened in a run so far, who is told of it, and what is written into its folder first and last."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teleclaude.db.url import display_url
from teleclaude.errors import Exit, Problem
from teleclaude.migration.plan.plan import Plan, describe, published_paths
from teleclaude.migration.plan.rollback import describe_next, describe_rollback, write_down
from teleclaude.migration.report.events import Event, Finding, Severity
from teleclaude.migration.report.html import to_html
from teleclaude.migration.report.report import Failure, Report, StepRun
from teleclaude.migration.source.options import Recovery
from teleclaude.migration.source.run_record import RunRecord
from teleclaude.migration.state.journal import Interrupted, digests, write_record
from teleclaude.migration.state.workspace import write_private

REPORT_NAME = "report.json"
PAGE_NAME = "report.html"


def _make_record(plan: Plan) -> RunRecord:
    return RunRecord(
        run=plan.run,
        started_at=plan.started_at.isoformat(),
        dry_run=plan.options.dry_run,
        checkout=plan.inventory.checkout,
        home=plan.inventory.home,
        root=plan.inventory.layout.root,
        person=plan.owner.person if plan.owner else None,
        uid=plan.owner.uid if plan.owner else None,
        timezone=plan.timezone,
        batch_size=plan.options.batch_size,
        target=display_url(plan.url) if plan.url else None,
        reached_by=plan.target,
        schema_existed=plan.schema_exists,
        sources=digests(plan.databases),
        files=published_paths(plan),
        docs=plan.inventory.layout.docs,
        snippets=tuple(doc.relative for doc in plan.inventory.docs),
        private=plan.inventory.private,
        new_directories=plan.inventory.destinations.new_directories,
    )


def write_start(plan: Plan) -> None:
    """Write down how to go back, which a rehearsal does not need, and how to plan the run again; raises OSError."""
    for path, content in () if plan.options.dry_run else write_down(plan):
        write_private(path, content)
    write_record(plan.folder, _make_record(plan))


def write_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write a report for programs and then for people; raises OSError, and of the page whatever its template raises."""
    write_private(folder / REPORT_NAME, json.dumps(report, indent=2))
    write_private(folder / PAGE_NAME, to_html(report))


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
        header = {**describe(self.plan), "record": _make_record(self.plan).to_json()}
        return Report(header, tuple(self.steps), self.failure, self.undo, self.next)
