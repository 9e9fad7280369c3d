"""What becomes of a run that was cut off: it is finished or undone, once the target is known to hold what it committed.

`interrupted` finds it, `plan_recovery` plans it again, the operator decides, `reverify` verifies, and here it is done.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping

from teleclaude.db.retry import uninterrupted
from teleclaude.errors import Problem, TeleClaudeError
from teleclaude.migration.discover import discover
from teleclaude.migration.plan.plan import Plan, published_paths
from teleclaude.migration.plan.rollback import rollback_text, since_script
from teleclaude.migration.plan.rollback_sql import count_since
from teleclaude.migration.publish.published import remove_docs, remove_files
from teleclaude.migration.recovery.interrupted import find_refusal, plan_again, same_options
from teleclaude.migration.recovery.problems import COMPLETE, NOT_READY, REPUBLISHED
from teleclaude.migration.recovery.reverify import verify_for_resume, verify_for_undo
from teleclaude.migration.report.events import Event, TableResult, note
from teleclaude.migration.run import Check, Step, hold_and, run_step, run_steps, undo_steps
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options, Recovery
from teleclaude.migration.state.journal import COMMIT, SETTLED, Interrupted, read_journal, try_entry, write_entry
from teleclaude.migration.state.run_state import Run, write_start
from teleclaude.migration.state.workspace import remove_killed, write_private
from teleclaude.migration.steps.preflight import preflight


async def plan_recovery(
    interrupted: Interrupted, options: Options, inventory: Inventory, environ: Mapping[str, str]
) -> tuple[Plan, Problem | None]:
    """Return the plan of the run that was cut off, and why it cannot be finished or undone here and now, if so."""
    again = same_options(options, interrupted.record)
    if again != options:
        # It had another source: look at that one.
        private = inventory.private / "again"
        private.mkdir()
        inventory = await discover(again, interrupted.run, private, environ)
    plan = plan_again(again, inventory, interrupted.run, interrupted.record, interrupted.on_target)
    return plan, find_refusal(plan, inventory, interrupted)


async def recover(run: Run, interrupted: Interrupted, refusal: Problem | None, steps: tuple[Step, ...]) -> None:
    """Finish or undo the run that was cut off, as the operator decided; where nobody decided, refuse."""
    choice = run.plan.options.recovery
    if interrupted.record is not None:
        # With another TMPDIR than today it is where nobody else would look.
        remove_killed(interrupted.record.private)
    if refusal is not None:
        run.refuse(refusal)
    elif choice is None:
        run.refuse(interrupted.problem)
    elif interrupted.is_complete:
        _acknowledge(run, choice)
    elif choice is Recovery.UNDO:
        await hold_and(run, lambda _check: _undo(run, steps))
    else:
        await run_step(run, Step("preflight", preflight))
        if run.refused:
            run.refuse(NOT_READY)
        else:
            await hold_and(run, lambda check: _resume(run, steps, check))


def _acknowledge(run: Run, choice: Recovery) -> None:
    if choice is Recovery.UNDO:
        run.refuse(COMPLETE.fill(run=run.plan.run, rollback=rollback_text(run.plan)))
        return
    try_entry(run.plan.folder, SETTLED)
    run.succeed()


async def _resume(run: Run, steps: tuple[Step, ...], check: Check) -> None:
    """Verify what was committed, and run the steps after the one that commits, with nothing published."""
    _reopen(run.plan)
    if await _verifies(run, verify_for_resume):
        rows = {table.name: table.target_rows for table in run.to_report().all(TableResult)}
        write_private(since_script(run.plan), count_since(run.plan, rows))
        after = next(place for place, step in enumerate(steps, 1) if step.commits)
        await run_steps(run, (Step("clear", _clear_files), *steps[after:]), check, begun=steps[:after])


async def _undo(run: Run, steps: tuple[Step, ...]) -> None:
    _reopen(run.plan)
    if await _verifies(run, verify_for_undo):
        await uninterrupted(undo_steps(run, list(steps)))


async def _verifies(run: Run, verify: Callable[[Plan], AsyncGenerator[Event, None]]) -> bool:
    """Run the verification; where it fails nothing is changed."""
    try:
        await run_step(run, Step("verify", verify))
    except TeleClaudeError as error:
        run.refuse(error.problem, type(error).__name__)
        return False
    return True


async def _clear_files(plan: Plan) -> AsyncGenerator[Event, None]:
    """Remove what the run had published before it was cut off, so that it is published whole."""
    remove_files(plan.inventory, plan.run, published_paths(plan))
    remove_docs(plan.run, plan.inventory.layout.docs, [doc.relative for doc in plan.inventory.docs])
    yield note("files", REPUBLISHED)


def _reopen(plan: Plan) -> None:
    """Make journal and ledger again where only the row of the run is left."""
    if not read_journal(plan.folder):
        write_start(plan)
        write_entry(plan.folder, COMMIT)
        plan.ledger.touch(mode=0o600)
