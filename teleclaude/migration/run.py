"""A run as it goes: its steps, the loop that runs them, the loop that takes them back, and who watches."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.file_lock import hold_existing
from teleclaude.db.lock import hold_database
from teleclaude.db.retry import uninterrupted
from teleclaude.db.url import display_url
from teleclaude.errors import Exit, Problem, TeleClaudeError
from teleclaude.migration.plan.plan import Plan, describe, published_paths
from teleclaude.migration.plan.rollback import describe_next, describe_rollback, write_down
from teleclaude.migration.report.events import Event, Finding, Progress, Result, Severity, warning
from teleclaude.migration.report.html import to_html
from teleclaude.migration.report.report import Failure, Report, StepRun
from teleclaude.migration.source.files import open_source
from teleclaude.migration.source.options import Recovery
from teleclaude.migration.source.privsep import privsep_for
from teleclaude.migration.source.run_record import RunRecord
from teleclaude.migration.state.journal import SETTLED, Interrupted, digests, try_entry, write_entry, write_record
from teleclaude.migration.state.workspace import run_folder, write_private

_REPORT_NAME = "report.json"
PAGE_NAME = "report.html"

Check = Callable[[], Awaitable[None]]

_INTERRUPTED = Problem("interrupted; everything was undone", "run it again")
_FILE_FAILED = Problem("{path}: {reason}", "make room or check the permissions of the place, and run it again")
_BUG = Problem("a bug of this program: {kind}", "report it with the journal of this run")
_NOT_UNDONE = Problem("{message}", "run the printed commands, which undo {steps}, or run it again with --undo")


@dataclass(frozen=True)
class Step:
    """One step, how it is taken back, and the same in commands for a person."""

    name: str
    run: Callable[[Plan], AsyncGenerator[Event, None]]
    undo: Callable[[Plan], Awaitable[None]] | None = None
    commands: Callable[[Plan], tuple[str, ...]] = lambda _plan: ()
    commits: bool = False
    """Whether its end is the COMMIT, behind which a run that is cut off can be finished."""


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

    def decides(self, interrupted: Interrupted) -> Recovery | None:
        """Say what becomes of a run that was cut off; None where nobody is there to ask."""
        del interrupted
        return None


@dataclass
class Run:
    """What has happened so far."""

    plan: Plan
    observer: Observer
    steps: list[StepRun] = field(default_factory=list)
    failure: Failure | None = None
    undo: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    ended: bool = False
    """Whether there is nothing more to do, so that an interrupt comes too late."""
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
        """Say how to go on, and how to go back."""
        self.next, self.undo = describe_next(self.plan), describe_rollback(self.plan)

    def mark(self, name: str, outcome: str) -> None:
        """Say what became of a step after it ran."""
        self.steps = [replace(step, outcome=outcome) if step.name == name else step for step in self.steps]

    def to_report(self) -> Report:
        """Return the report as far as the run has gone."""
        header = {**describe(self.plan), "record": _make_record(self.plan).to_json()}
        return Report(header, tuple(self.steps), self.failure, self.undo, self.next)


def new_run() -> str:
    """Return the name of a run: when it began, and something that no other run has."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def _to_failure(error: BaseException) -> Failure:
    """Return why a run stopped, in a sentence and with what to do next."""
    if isinstance(error, asyncio.CancelledError):
        return Failure(_INTERRUPTED, "Interrupted", Exit.INTERRUPTED)
    kind = type(error).__name__
    if isinstance(error, TeleClaudeError):
        return Failure(error.problem, kind, Exit.UNDONE)
    if isinstance(error, OSError):
        path, reason = error.filename or "a file of this run", error.strerror or kind
        return Failure(_FILE_FAILED.fill(path=path, reason=reason), kind, Exit.UNDONE)
    return Failure(_BUG.fill(kind=kind), kind, Exit.UNDONE)


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
    """Write down how to go back, before there is anything to go back from; a rehearsal never has."""
    for path, content in () if plan.options.dry_run else write_down(plan):
        write_private(path, content)
    write_record(plan.folder, _make_record(plan))


@asynccontextmanager
async def _holding(plan: Plan) -> AsyncIterator[Check]:
    """Keep every daemon and every other migration away from the source and the target; yield a check of that.

    Raises LockHeldError, SourceError or TargetError, and so does the check where the hold on the target is lost.
    """
    opener = partial(open_source, privsep_for(plan.inventory.account))
    async with AsyncExitStack() as stack:
        # A lock of the checkout itself keeps a second migration away, also where there is no pid file.
        stack.enter_context(hold_existing(plan.inventory.checkout.resolve(), "migration"))
        stack.enter_context(hold_existing(plan.inventory.checkout / "teleclaude.pid", opener=opener))
        if plan.url is None:
            yield _nothing_to_check
            return
        engine = await stack.enter_async_context(disposing(make_engine(plan.url)))
        with explained(plan.url):
            check = await stack.enter_async_context(hold_database(engine))
        yield check


async def _nothing_to_check() -> None:
    pass


def _write_report(run: Run) -> None:
    """Keep the report in the folder of the run, for programs and for people; where that fails, it says so itself."""
    report = run.to_report().to_json()
    try:
        write_private(run.plan.folder / _REPORT_NAME, json.dumps(report, indent=2))
        write_private(run.plan.folder / PAGE_NAME, to_html(report))
    except OSError as error:
        finding = warning("report", f"{error.filename} could not be written: {error.strerror}", "keep what is printed")
        run.steps.append(StepRun("report", "failed", 0.0, (finding,)))
    except Exception as error:
        # The page for people comes last, and must not cost what is done.
        reason = f"{PAGE_NAME} could not be made ({type(error).__name__})"
        run.steps.append(
            StepRun("report", "failed", 0.0, (warning("report", reason, f"see {_REPORT_NAME}; report it"),))
        )


async def hold_and(run: Run, work: Callable[[Check], Awaitable[None]]) -> None:
    """Do `work` while nobody else can come near, and keep its report."""
    try:
        async with AsyncExitStack() as stack:
            try:
                check = await stack.enter_async_context(_holding(run.plan))
                guarded = run.plan.inventory.as_service_user
                stack.enter_context(
                    run_folder(run.plan.folder, run.plan.inventory.destinations.new_directories, guarded=guarded)
                )
            except TeleClaudeError as error:
                run.refuse(error.problem, type(error).__name__)
                return
            await work(check)
            _write_report(run)
            if run.settled:
                # Last, so that whoever is killed before it is asked about, and not left without a report.
                try_entry(run.plan.folder, SETTLED)
    except asyncio.CancelledError:
        if not run.ended:
            raise


async def run_steps(run: Run, steps: tuple[Step, ...], check: Check, begun: tuple[Step, ...] = ()) -> None:
    """Run the steps in order; when one is stopped, take back those that were begun, last first."""
    started = list(begun)
    folder = run.plan.folder
    try:
        if not begun:
            write_start(run.plan)
        for step in steps:
            await check()
            undo = () if run.plan.options.dry_run else step.commands(run.plan)
            write_entry(folder, {"step": step.name, "event": "begin", "undo": undo})
            started.append(step)
            await run_step(run, step)
            try_entry(folder, {"step": step.name, "event": "done"})
        if not run.plan.options.dry_run:
            run.succeed()
        run.ended = run.settled = True
    except (Exception, asyncio.CancelledError) as error:
        # Where it stopped and not what it said: a message of the server may quote a value.
        stack = traceback.format_tb(error.__traceback__)
        try_entry(folder, {"event": "failed", "error": type(error).__name__, "traceback": stack})
        run.failure = _to_failure(error)
        await uninterrupted(undo_steps(run, started))


async def run_step(run: Run, step: Step) -> None:
    """Run one step and keep what it yields, also of a step that fails."""
    run.observer.step(step.name)
    started = time.monotonic()
    events: list[Finding | Result] = []
    outcome = "failed"
    try:
        async with aclosing(step.run(run.plan)) as stream:
            async for event in stream:
                run.observer.event(event)
                if not isinstance(event, Progress):
                    events.append(event)
        outcome = "done"
    finally:
        run.steps.append(StepRun(step.name, outcome, time.monotonic() - started, tuple(events)))


async def undo_steps(run: Run, begun: list[Step]) -> None:
    """Take back what was begun, last first. What cannot be taken back is left to a person, with the commands."""
    left: list[Step] = []
    for step in reversed(begun):
        if step.undo is None:
            continue
        run.observer.undoing(step.name)
        try:
            await step.undo(run.plan)
            run.mark(step.name, "undone")
            try_entry(run.plan.folder, {"step": step.name, "event": "undone"})
        except Exception as error:
            left.append(step)
            run.mark(step.name, "not undone")
            try_entry(run.plan.folder, {"step": step.name, "event": "not undone", "why": type(error).__name__})
    if left:
        names = ", ".join(step.name for step in left)
        run.undo = tuple(command for step in left for command in step.commands(run.plan))
        message = run.failure.problem.message if run.failure else "an earlier run could not be undone"
        kind = run.failure.kind if run.failure else "NotUndone"
        run.failure = Failure(_NOT_UNDONE.fill(message=message, steps=names), kind, Exit.NOT_UNDONE)
    run.ended, run.settled = True, not left
