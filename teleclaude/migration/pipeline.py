"""The migration from beginning to end: the steps, the loop that runs them, and the loop that takes them back."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Mapping
from contextlib import aclosing

from teleclaude.errors import Exit, SourceError, TeleClaudeError
from teleclaude.migration import way_back
from teleclaude.migration.deputy import dismissing_deputies
from teleclaude.migration.detect import detect
from teleclaude.migration.finish import finish
from teleclaude.migration.journal import run_folder, try_entry, write_entry
from teleclaude.migration.locks import holding, private_folder
from teleclaude.migration.options import Options
from teleclaude.migration.plan import make_plan
from teleclaude.migration.preflight import preflight
from teleclaude.migration.probe import probe
from teleclaude.migration.publish_config import publish_config, undo_publish_config
from teleclaude.migration.publish_docs import publish_docs, undo_publish_docs
from teleclaude.migration.report import Failure, Finding, Progress, Report, Result, StepRun
from teleclaude.migration.run import Observer, Run, Step, new_run, to_failure, write_report, write_undo_script
from teleclaude.migration.transfer import transfer, undo_transfer

PREFLIGHT = Step("preflight", preflight)
STEPS = (
    Step("transfer", transfer, undo_transfer, way_back.empty_target),
    Step("publish_config", publish_config, undo_publish_config, way_back.remove_config),
    Step("publish_docs", publish_docs, undo_publish_docs, way_back.remove_docs),
    Step("probe", probe),
    Step("finish", finish),
)


async def migrate(
    options: Options, environ: Mapping[str, str], observer: Observer, steps: tuple[Step, ...] = STEPS
) -> Report:
    """Migrate, and return what happened. Whatever goes wrong is in the report, after it has been taken back."""
    with private_folder() as private, dismissing_deputies():
        observer.step("detect")
        try:
            inventory = await detect(options, new_run(), private, environ)
        except OSError as error:
            raise SourceError(f"{error.filename} cannot be looked at: {error.strerror}", "see to it") from error
        run = Run(make_plan(options, inventory), observer)
        await run_step(run, PREFLIGHT)
        if run.refused:
            run.failure = Failure("refused; nothing was written", "mend what is listed", "Refused", Exit.REFUSED)
            return run.to_report()
        if not options.dry_run and not observer.consents(run.plan):
            run.failure = Failure("nobody agreed; nothing was written", "say --yes to agree", "Refused", Exit.REFUSED)
            return run.to_report()
        try:
            async with holding(run.plan):
                with run_folder(run.plan.folder, run.plan.new_directories):
                    await run_steps(run, steps)
                    write_report(run)
        except TeleClaudeError as error:
            run.failure = Failure(error.message, error.hint, type(error).__name__, Exit.REFUSED)
        except asyncio.CancelledError:
            # Too late to stop anything: all is done, or all is taken back.
            if run.failure is None and not run.undo:
                raise
        return run.to_report()


async def run_steps(run: Run, steps: tuple[Step, ...]) -> None:
    """Run the steps in order; when one is stopped, take back those that were begun, last first."""
    begun: list[Step] = []
    try:
        write_undo_script(run.plan)
        for step in steps:
            write_entry(run.plan.folder, {"step": step.name, "event": "begin", "undo": step.commands(run.plan)})
            begun.append(step)
            await run_step(run, step)
            write_entry(run.plan.folder, {"step": step.name, "event": "done"})
        if not run.plan.dry_run:
            run.undo = way_back.describe_way_back(run.plan)
    except (Exception, asyncio.CancelledError) as error:
        # Where it stopped and not what it said: a message of the server may quote a value.
        stack = traceback.format_tb(error.__traceback__)
        try_entry(run.plan.folder, {"event": "failed", "error": type(error).__name__, "traceback": stack})
        run.failure = to_failure(error)
        await undo_steps(run, begun)


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
    if left and run.failure is not None:
        names = ", ".join(step.name for step in left)
        run.undo = tuple(command for step in left for command in step.commands(run.plan))
        hint = f"run the printed commands; they take back: {names}"
        run.failure = Failure(run.failure.message, hint, run.failure.kind, Exit.NOT_UNDONE)
