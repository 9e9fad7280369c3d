"""Finishing a run that was cut off, or taking it back, after proving that the target holds what was committed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path

from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.models import MigrationRun, Model
from teleclaude.db.patience import unstoppable
from teleclaude.errors import SourceError, TargetError, TeleClaudeError, VerificationError
from teleclaude.migration.carried import read_set_aside
from teleclaude.migration.detect import detect
from teleclaude.migration.events import Event, LedgerResult, TableResult, note, warning
from teleclaude.migration.interrupted import (
    Interrupted,
    Obstacle,
    digests,
    find_obstacle,
    plan_again,
    same_options,
    write_start,
)
from teleclaude.migration.inventory import Inventory
from teleclaude.migration.journal import COMMIT, SETTLED, find_entry, read_journal, try_entry, write_entry
from teleclaude.migration.ledger import LedgerIndex, index_ledger
from teleclaude.migration.locks import Check, remove_dead
from teleclaude.migration.options import Options, Recovery
from teleclaude.migration.plan import Plan
from teleclaude.migration.preflight import preflight
from teleclaude.migration.published import published_paths, remove_docs, remove_files
from teleclaude.migration.run import Run, Step, hold_and, run_step, run_steps, undo_steps
from teleclaude.migration.sources import reading
from teleclaude.migration.tables import TablePlan
from teleclaude.migration.verify import Proof, verify_table

WRITTEN_SINCE = "rows may have been written since; look at them, then follow way-back.txt in the folder of the run"


async def plan_recovery(
    interrupted: Interrupted, options: Options, inventory: Inventory, environ: Mapping[str, str]
) -> tuple[Plan, Obstacle | None]:
    """Return the plan of the run that was cut off, and what stands in the way of taking it up."""
    again = same_options(options, interrupted)
    if again != options:
        # It had another source: look at that one.
        private = inventory.private / "again"
        private.mkdir()
        inventory = await detect(again, interrupted.run, private, environ)
    plan = plan_again(again, inventory, interrupted)
    return plan, find_obstacle(plan, inventory, interrupted)


async def recover(run: Run, interrupted: Interrupted, obstacle: Obstacle | None, steps: tuple[Step, ...]) -> None:
    """Finish or take back the run that was cut off, as the operator decided; where nobody did, refuse."""
    choice = run.plan.recovery
    if interrupted.journal is not None:
        # With another TMPDIR than today's it lies where nobody else would look.
        remove_dead(Path(interrupted.journal.start["private"]))
    if obstacle is not None:
        run.refuse(*obstacle)
    elif choice is None:
        run.refuse(interrupted.sentence, "say --resume to finish it, or --undo to take it back")
    elif interrupted.is_complete:
        _acknowledge(run, choice)
    elif choice is Recovery.UNDO:
        await hold_and(run, lambda _check: _undo(run, steps))
    else:
        await run_step(run, Step("preflight", preflight))
        if run.refused:
            run.refuse("the run cannot be finished as things are; nothing was changed", "mend what is listed")
        else:
            await hold_and(run, lambda check: _resume(run, steps, check))


def _acknowledge(run: Run, choice: Recovery) -> None:
    if choice is Recovery.UNDO:
        hint = f"its way back is in {run.plan.folder / 'way-back.txt'}"
        run.refuse(f"the migration {run.plan.run} is complete, and a daemon may have written since", hint)
        return
    try_entry(run.plan.folder, SETTLED)
    run.succeed()


async def _resume(run: Run, steps: tuple[Step, ...], check: Check) -> None:
    """Prove what was committed, and run the steps that come after the commit, from a clean start."""
    reopen(run.plan)
    if await _proves(run, prove_for_resume):
        clear = Step("clear", clear_files)
        await run_steps(run, (clear, *steps[1:]), check, begun=steps[:1])


async def _undo(run: Run, steps: tuple[Step, ...]) -> None:
    reopen(run.plan)
    if await _proves(run, prove_for_undo):
        await unstoppable(undo_steps(run, list(steps)))


async def _proves(run: Run, prove: Callable[[Plan], AsyncGenerator[Event, None]]) -> bool:
    """Run the proof; where it fails nothing is changed."""
    try:
        await run_step(run, Step("proof", prove))
    except TeleClaudeError as error:
        run.refuse(error.message, error.hint, type(error).__name__)
        return False
    return True


async def clear_files(plan: Plan) -> AsyncGenerator[Event, None]:
    """Remove what the run had published before it was cut off, so that it is published whole."""
    remove_files(plan.run, published_paths(plan))
    remove_docs(plan.run, plan.layout.docs, [doc.relative for doc in plan.docs])
    yield note("files", "what the run had published was published anew")


def reopen(plan: Plan) -> None:
    """Make the journal and the ledger of a run again that is known by its row alone."""
    if not read_journal(plan.folder):
        write_start(plan)
        write_entry(plan.folder, COMMIT)
        plan.ledger.touch(mode=0o600)


async def prove_for_resume(plan: Plan) -> AsyncGenerator[Event, None]:
    """Yield a result for every table that holds exactly what was committed.

    Raises SourceError where the source is another one by now, VerificationError or TargetError where the target is.
    """
    assert plan.url is not None
    with reading(plan) as sources, explained(plan.url):
        async with disposing(make_engine(plan.url, read_only=True)) as engine, engine.connect() as target:
            if not await _is_same_source(plan, target):
                raise SourceError(
                    f"{plan.checkout / 'teleclaude.db'} is no longer what was migrated",
                    "say --undo, then migrate anew",
                )
            expected = {}
            ledger = index_ledger(plan.ledger)
            for table in plan.tables:
                proof = await _verify(plan, target, sources.of(table), table, ledger)
                coerced = sum(1 for _ in ledger.read(table.label))
                aside = table.rows - proof.rows
                expected[table.label] = proof.rows
                yield TableResult(table.label, table.rows, proof.rows, aside, proof.values, 0, coerced, 0.0)
            await _check_rows(target, expected)
    with plan.ledger.open() as lines:
        yield LedgerResult(str(plan.ledger), sum(1 for _ in lines))
    yield note("recovery", "identities and constraints were proved by the run before it was cut off", "see its journal")


async def prove_for_undo(plan: Plan) -> AsyncGenerator[Event, None]:
    """Yield what proves that the target holds nothing that others wrote; raises TargetError or VerificationError.

    Where the old database is another one by now, or the journal is lost, rows are counted instead of compared.
    """
    assert plan.url is not None
    commit = find_entry(read_journal(plan.folder), COMMIT["event"])
    with explained(plan.url):
        async with disposing(make_engine(plan.url, read_only=True)) as engine, engine.connect() as target:
            if not await _has_row(plan, target):
                yield note("target", "nothing of the run is there")
                return
            same = await _is_same_source(plan, target)
            rows = commit.get("rows") if commit else None
            if not same and rows is None:
                raise TargetError(f"nothing is left to compare the run {plan.run} with", WRITTEN_SINCE)
            if rows is None:
                rows = {
                    table.name: table.rows - (await read_set_aside(target, table)).total()
                    for table in plan.tables
                    if not table.carried
                }
                yield warning("target", "its journal is lost, so rows were counted, and values not compared")
            await _check_rows(target, rows)
    if same and commit and commit.get("rows") is not None:
        async for event in prove_for_resume(plan):
            yield event
    elif not same:
        yield warning("source", "it is no longer what was migrated, so rows were counted, and values not compared")


async def _verify(
    plan: Plan, target: AsyncConnection, reader: Connection, table: TablePlan, ledger: LedgerIndex
) -> Proof:
    try:
        return await verify_table(target, reader, table, ledger, plan.batch_size)
    except VerificationError:
        commit = find_entry(read_journal(plan.folder), COMMIT["event"])
        if commit is not None and "rows" in commit:
            raise
        raise SourceError(
            f"the ledger of the run {plan.run} is lost, and without it {table.label} cannot be proved",
            "say --undo, then migrate anew",
        ) from None


async def _has_row(plan: Plan, target: AsyncConnection) -> bool:
    if MigrationRun.__tablename__ not in await target.run_sync(schema.read_tables):
        return False
    mine = select(MigrationRun.run_id).where(MigrationRun.run_id == plan.run)
    return (await target.scalar(mine)) is not None


async def _is_same_source(plan: Plan, target: AsyncConnection) -> bool:
    now = digests(plan.databases)
    start = find_entry(read_journal(plan.folder), "start")
    row = select(MigrationRun.source, MigrationRun.source_sha256).where(MigrationRun.run_id == plan.run)
    source, sha256 = (await target.execute(row)).one()
    return now.get(source) == sha256 and (start is None or start["sources"] == now)


async def _check_rows(target: AsyncConnection, expected: Mapping[str, int]) -> None:
    """Raise TargetError where a table of ours holds another number of rows than was committed."""
    for name in sorted(await target.run_sync(schema.read_tables)):
        wanted = 1 if name == MigrationRun.__tablename__ else expected.get(name, 0)
        found = await target.scalar(select(func.count()).select_from(Model.metadata.tables[name]))
        if found != wanted:
            raise TargetError(f"{name} on the target holds {found} rows, the run committed {wanted}", WRITTEN_SINCE)
