"""Steps: what one is, the loop that runs them, and the loop that undoes them."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.file_lock import hold_existing
from teleclaude.db.lock import hold_database
from teleclaude.db.retry import uninterrupted
from teleclaude.errors import Exit, Problem, TargetError, TeleClaudeError
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import Event, Finding, Progress, Result, TableUse, warning
from teleclaude.migration.report.report import Failure, StepRun
from teleclaude.migration.source.files import open_source
from teleclaude.migration.source.privsep import privsep_for
from teleclaude.migration.source.stoppable import in_thread
from teleclaude.migration.state.journal import SETTLED, try_entry, write_entry
from teleclaude.migration.state.run_state import PAGE_NAME, Run, write_report, write_start
from teleclaude.migration.state.workspace import remove_commands, run_folder

_INTERRUPTED = Problem("interrupted", "run it again")
_FULL = Problem("{path}: {reason}", "make room there and run it again")
_FILE_FAILED = Problem("{path}: {reason}", "fix the permissions there and run it again")
_NO_ROOM = Problem(
    "SQLite cannot write a temporary file: {reason}", "set TMPDIR to a folder on a disk with more room, and run again"
)
_BUG = Problem("a bug of this program: {kind}", "report it with the journal of this run")
_NOT_UNDONE = Problem("{message}", "run the printed commands, which undo {steps}, or run it again with --undo")
_UNDO_FAILED = Problem("an earlier run could not be undone")
_REPORT_FAILED = Problem("{path} cannot be written: {reason}", "keep what is printed")
_PAGE_FAILED = Problem("{name} cannot be made ({kind})", "see report.json in {folder}, and report this as a bug")

Check = Callable[[], Awaitable[None]]
"""Raises TargetError where the lock on the target is lost."""

_FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

_DISK_ERRORS = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""What SQLite says of a disk (SQLite manual, "Result and Error Codes"); the lowest byte of an extended code."""


@dataclass(frozen=True)
class Step:
    """One step, its undo, and the commands with which a person does the same."""

    name: str
    run: Callable[[Plan], AsyncGenerator[Event, None]]
    undo: Callable[[Plan], Awaitable[None]] | None = None
    commands: Callable[[Plan], tuple[str, ...]] = lambda _plan: ()
    commits: bool = False
    """Whether it ends with the COMMIT, after which a run that is cut off can be finished."""


def _to_failure(error: BaseException, folder: Path) -> Failure:
    """Return why a run stopped, and what to do next; `folder` is that of the run."""
    if isinstance(error, asyncio.CancelledError):
        return Failure(_INTERRUPTED, "Interrupted", Exit.INTERRUPTED)
    kind = type(error).__name__
    if isinstance(error, TeleClaudeError):
        return Failure(error.problem, kind, Exit.UNDONE)
    if isinstance(error, OSError):
        problem = _FULL if error.errno in _FULL_DISK else _FILE_FAILED
        # The ledger writes too often to name itself each time.
        path, reason = error.filename or folder, error.strerror or kind
        return Failure(problem.fill(path=path, reason=reason), kind, Exit.UNDONE)
    return Failure(_BUG.fill(kind=kind), kind, Exit.UNDONE)


@asynccontextmanager
async def _holding(plan: Plan) -> AsyncIterator[Check]:
    """Lock the source and the target against every daemon and every other migration; yield a check of the lock.

    Raises LockHeldError, SourceError or TargetError; the check raises TargetError where the lock is lost.
    """
    pid_file = plan.inventory.checkout / "teleclaude.pid"
    async with AsyncExitStack() as stack:
        # The lock on the checkout itself keeps a second migration away where there is no pid file.
        stack.enter_context(hold_existing(plan.inventory.checkout.resolve(), "migration"))
        with suppress(FileNotFoundError):
            # Whoever answers may be stopped by its owner, so an interrupt must be able to end the waiting.
            descriptor = await in_thread(open_source, privsep_for(plan.inventory.account), pid_file)
            stack.enter_context(hold_existing(pid_file, opener=lambda _path: descriptor))
        if plan.url is None:
            # Without a target there is no lock to lose.
            yield partial(asyncio.sleep, 0)
            return
        engine = await stack.enter_async_context(disposing(make_engine(plan.url)))
        with explained(plan.url):
            check = await stack.enter_async_context(hold_database(engine))
        yield check


def _keep_report(run: Run) -> None:
    """Write the report into the folder of the run; where that fails, the run says so and what is done stays."""
    try:
        write_report(run.plan.folder, run.to_report().to_json())
    except OSError as error:
        problem = _REPORT_FAILED.fill(path=error.filename, reason=error.strerror)
    except Exception as error:
        # The page for people is written last.
        problem = _PAGE_FAILED.fill(name=PAGE_NAME, kind=type(error).__name__, folder=run.plan.folder)
    else:
        return
    run.steps.append(StepRun("report", "failed", 0.0, (warning("report", problem),)))


async def hold_and(run: Run, work: Callable[[Check], Awaitable[None]]) -> None:
    """Do `work` under the locks of the source and the target, and keep its report."""
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
            _keep_report(run)
            if run.settled:
                # Last, so that a run that is killed before it has a report is found and asked about.
                try_entry(run.plan.folder, SETTLED)
    except (Exception, asyncio.CancelledError):
        # What fails after the end, such as closing a connection, changes nothing of what the report says.
        if not run.ended:
            raise


async def run_steps(run: Run, steps: tuple[Step, ...], check: Check, begun: tuple[Step, ...] = ()) -> None:
    """Run the steps in order; where one fails, undo those that were begun, last first."""
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
        # The place and not the message, because a message of the server may quote a value.
        stack = traceback.format_tb(error.__traceback__)
        try_entry(folder, {"event": "failed", "error": type(error).__name__, "traceback": stack})
        run.failure = _to_failure(error, run.plan.folder)
        await uninterrupted(undo_steps(run, started))


async def run_step(run: Run, step: Step) -> None:
    """Run one step and keep what it yields, even where it fails.

    Raises what the step raises, and TargetError where SQLite cannot write a temporary file.
    """
    run.observer.step(step.name)
    started = time.monotonic()
    events: list[Finding | Result] = []
    outcome = "failed"
    try:
        async with aclosing(step.run(run.plan)) as stream:
            async for event in stream:
                run.observer.event(event)
                if not isinstance(event, Progress | TableUse):
                    events.append(event)
        outcome = "done"
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DISK_ERRORS:
            raise
        raise TargetError(_NO_ROOM.fill(reason=error)) from error
    finally:
        run.steps.append(StepRun(step.name, outcome, time.monotonic() - started, tuple(events)))


async def undo_steps(run: Run, begun: list[Step]) -> None:
    """Undo what was begun, last first. For what cannot be undone the report has the commands."""
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
        failure = run.failure or Failure(_UNDO_FAILED, "NotUndone", Exit.NOT_UNDONE)
        problem = _NOT_UNDONE.fill(message=failure.problem.message, steps=names)
        run.failure = Failure(problem, failure.kind, Exit.NOT_UNDONE)
    else:
        remove_commands(run.plan.folder)
    run.ended, run.settled = True, not left
