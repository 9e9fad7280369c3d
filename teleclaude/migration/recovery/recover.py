"""Finishing a run that was cut off, or taking it back, after proving that the target holds what was committed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping

from teleclaude.db.retry import uninterrupted
from teleclaude.errors import Problem, TeleClaudeError
from teleclaude.migration.discover import discover
from teleclaude.migration.plan.plan import Plan, published_paths
from teleclaude.migration.plan.rollback import count_since, since_script
from teleclaude.migration.publish.published import remove_docs, remove_files
from teleclaude.migration.recovery.interrupted import Obstacle, find_obstacle, plan_again, same_options
from teleclaude.migration.recovery.reverify import prove_for_resume, prove_for_undo
from teleclaude.migration.report.events import Event, TableResult, note
from teleclaude.migration.run import Check, Run, Step, hold_and, run_step, run_steps, undo_steps, write_start
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options, Recovery
from teleclaude.migration.state.journal import COMMIT, SETTLED, Interrupted, read_journal, try_entry, write_entry
from teleclaude.migration.state.workspace import remove_dead, write_private
from teleclaude.migration.steps.preflight import preflight


async def plan_recovery(
    interrupted: Interrupted, options: Options, inventory: Inventory, environ: Mapping[str, str]
) -> tuple[Plan, Obstacle | None]:
    """Return the plan of the run that was cut off, and what stands in the way of taking it up."""
    again = same_options(options, interrupted.record)
    if again != options:
        # It had another source: look at that one.
        private = inventory.private / "again"
        private.mkdir()
        inventory = await discover(again, interrupted.run, private, environ)
    plan = plan_again(again, inventory, interrupted.run, interrupted.record, interrupted.on_target)
    return plan, find_obstacle(plan, inventory, interrupted)


async def recover(run: Run, interrupted: Interrupted, obstacle: Obstacle | None, steps: tuple[Step, ...]) -> None:
    """Finish or take back the run that was cut off, as the operator decided; where nobody did, refuse."""
    choice = run.plan.options.recovery
    if interrupted.record is not None:
        # With another TMPDIR than today's it lies where nobody else would look.
        remove_dead(interrupted.record.private)
    if obstacle is not None:
        run.refuse(Problem(*obstacle))
    elif choice is None:
        run.refuse(Problem(interrupted.sentence, "use --resume to finish it, or --undo to take it back"))
    elif interrupted.is_complete:
        _acknowledge(run, choice)
    elif choice is Recovery.UNDO:
        await hold_and(run, lambda _check: _undo(run, steps))
    else:
        await run_step(run, Step("preflight", preflight))
        if run.refused:
            run.refuse(Problem("the run cannot be finished as things are; nothing was changed", "fix what is listed"))
        else:
            await hold_and(run, lambda check: _resume(run, steps, check))


def _acknowledge(run: Run, choice: Recovery) -> None:
    if choice is Recovery.UNDO:
        hint = f"follow {run.plan.folder / 'rollback.txt'}"
        run.refuse(Problem(f"the migration {run.plan.run} is complete, and a daemon may have written since", hint))
        return
    try_entry(run.plan.folder, SETTLED)
    run.succeed()


async def _resume(run: Run, steps: tuple[Step, ...], check: Check) -> None:
    """Prove what was committed, and run the steps behind the one that commits, from a clean start."""
    _reopen(run.plan)
    if await _proves(run, prove_for_resume):
        rows = {table.name: table.target_rows for table in run.to_report().all(TableResult)}
        write_private(since_script(run.plan), count_since(run.plan, rows))
        behind = next(place for place, step in enumerate(steps, 1) if step.commits)
        await run_steps(run, (Step("clear", _clear_files), *steps[behind:]), check, begun=steps[:behind])


async def _undo(run: Run, steps: tuple[Step, ...]) -> None:
    _reopen(run.plan)
    if await _proves(run, prove_for_undo):
        await uninterrupted(undo_steps(run, list(steps)))


async def _proves(run: Run, prove: Callable[[Plan], AsyncGenerator[Event, None]]) -> bool:
    """Run the proof; where it fails nothing is changed."""
    try:
        await run_step(run, Step("proof", prove))
    except TeleClaudeError as error:
        run.refuse(error.problem, type(error).__name__)
        return False
    return True


async def _clear_files(plan: Plan) -> AsyncGenerator[Event, None]:
    """Remove what the run had published before it was cut off, so that it is published whole."""
    remove_files(plan.inventory, plan.run, published_paths(plan))
    remove_docs(plan.run, plan.inventory.layout.docs, [doc.relative for doc in plan.inventory.docs])
    yield note("files", "what the run had published was published anew")


def _reopen(plan: Plan) -> None:
    """Make the journal and the ledger of a run again that is known by its row alone."""
    if not read_journal(plan.folder):
        write_start(plan)
        write_entry(plan.folder, COMMIT)
        plan.ledger.touch(mode=0o600)
