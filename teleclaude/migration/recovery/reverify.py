"""What a run that was cut off has committed: proved once more, before it is finished or taken back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.models import MigrationRun, Model
from teleclaude.errors import SourceError, TargetError, VerificationError
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.report.events import (
    ConstraintResult,
    Event,
    LedgerResult,
    SequenceResult,
    TableResult,
    note,
    warning,
)
from teleclaude.migration.source.reader import reading
from teleclaude.migration.state.journal import COMMIT, digests, find_entry, find_record, read_journal
from teleclaude.migration.state.ledger import LedgerIndex, index_ledger
from teleclaude.migration.verify.read_back import Target
from teleclaude.migration.verify.rejects import count_rejects
from teleclaude.migration.verify.table import Proof, verify_table

_WRITTEN_SINCE = "rows may have been written since; look at them, then follow rollback.txt in the folder of the run"


async def prove_for_resume(plan: Plan) -> AsyncGenerator[Event, None]:
    """Yield a result for every table that holds exactly what was committed, and what else the cut-off run had found.

    Raises as `_prove_tables` does.
    """
    async for event in _prove_tables(plan):
        yield event
    commit = _find_commit(plan)
    if commit is None or "constraints" not in commit:
        said = "its journal is lost, and with it which constraints the data breaks and what sequences give next"
        yield warning("recovery", said, "in psql, \\d TABLE shows the constraints of a table")
        return
    for identity in commit["sequences"]:
        yield SequenceResult(**identity)
    for constraint in commit["constraints"]:
        yield ConstraintResult(**constraint)
    yield note("recovery", "sequences and constraints were proved by the run before it was cut off", "see its journal")


async def _prove_tables(plan: Plan) -> AsyncGenerator[Event, None]:
    """Yield a result for every table that holds exactly what was committed.

    Raises SourceError where the source is another one by now, VerificationError or TargetError where the target is.
    """
    assert plan.url is not None
    with reading(plan.databases) as sources, explained(plan.url):
        async with disposing(make_engine(plan.url, read_only=True)) as engine, engine.connect() as target:
            if not await _is_same_source(plan, target):
                raise SourceError(
                    f"{plan.inventory.checkout / 'teleclaude.db'} is no longer what was migrated",
                    "use --undo, then migrate anew",
                )
            expected = {}
            async with index_ledger(plan.ledger, plan.inventory.private) as ledger:
                for table in plan.tables:
                    proof = await _verify(plan, target, sources.of(table.from_events), table, ledger)
                    lines, rejected = ledger.entries.get(table.label, 0), table.rows - proof.rows
                    expected[table.label] = proof.rows
                    yield TableResult(table.label, table.rows, proof.rows, rejected, proof.values, 0, lines, 0.0)
            await _check_rows(target, expected)
    yield LedgerResult(str(plan.ledger), sum(ledger.entries.values()))


async def prove_for_undo(plan: Plan) -> AsyncGenerator[Event, None]:
    """Yield what proves that the target holds nothing that others wrote; raises TargetError or VerificationError.

    Where the old database is another one by now, or the journal is lost, rows are counted instead of compared.
    """
    assert plan.url is not None
    commit = _find_commit(plan)
    with explained(plan.url):
        async with disposing(make_engine(plan.url, read_only=True)) as engine, engine.connect() as target:
            if not await _has_row(plan, target):
                yield note("target", "nothing of the run is there")
                return
            same = await _is_same_source(plan, target)
            rows = commit.get("rows") if commit else None
            if not same and rows is None:
                raise TargetError(f"nothing is left to compare the run {plan.run} with", _WRITTEN_SINCE)
            if rows is None:
                rows = {
                    table.name: table.rows - await count_rejects(Target(target), table)
                    for table in plan.tables
                    if not table.legacy
                }
                yield warning("target", "its journal is lost, so rows were counted, and values not compared")
            await _check_rows(target, rows)
    if same and commit and commit.get("rows") is not None:
        async for event in _prove_tables(plan):
            yield event
    elif not same:
        yield warning("source", "it is no longer what was migrated, so rows were counted, and values not compared")


def _find_commit(plan: Plan) -> dict[str, Any] | None:
    return find_entry(read_journal(plan.folder), COMMIT["event"])


async def _verify(
    plan: Plan, target: AsyncConnection, reader: Connection, table: TablePlan, ledger: LedgerIndex
) -> Proof:
    try:
        return await verify_table(target, reader, table, ledger, plan.options.batch_size)
    except VerificationError:
        commit = _find_commit(plan)
        if commit is not None and "rows" in commit:
            raise
        raise SourceError(
            f"the ledger of the run {plan.run} is lost, and without it {table.label} cannot be proved",
            "use --undo, then migrate anew",
        ) from None


async def _has_row(plan: Plan, target: AsyncConnection) -> bool:
    if MigrationRun.__tablename__ not in await target.run_sync(schema.read_tables):
        return False
    mine = select(MigrationRun.run_id).where(MigrationRun.run_id == plan.run)
    return (await target.scalar(mine)) is not None


async def _is_same_source(plan: Plan, target: AsyncConnection) -> bool:
    now = digests(plan.databases)
    record = find_record(read_journal(plan.folder))
    row = select(MigrationRun.source, MigrationRun.source_sha256).where(MigrationRun.run_id == plan.run)
    source, sha256 = (await target.execute(row)).one()
    return (Path(source), sha256) in now and (record is None or record.sources == now)


async def _check_rows(target: AsyncConnection, expected: Mapping[str, int]) -> None:
    """Raise TargetError where a table of ours holds another number of rows than was committed."""
    for name in sorted(await target.run_sync(schema.read_tables)):
        wanted = 1 if name == MigrationRun.__tablename__ else expected.get(name, 0)
        found = await target.scalar(select(func.count()).select_from(Model.metadata.tables[name]))
        if found != wanted:
            raise TargetError(f"{name} on the target holds {found} rows, the run committed {wanted}", _WRITTEN_SINCE)
