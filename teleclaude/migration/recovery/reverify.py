"""What a run has committed, verified again before the run is finished or undone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.daemon.writes import NOTHING, Writes
from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.models import MigrationRun, Model
from teleclaude.db.store.idle import count_idle
from teleclaude.errors import SourceError, TargetError, VerificationError
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.plan.rollback import rollback_text
from teleclaude.migration.recovery import problems
from teleclaude.migration.report import events
from teleclaude.migration.report.events import Event, TableResult, note, warning
from teleclaude.migration.source.reader import reading
from teleclaude.migration.state.journal import COMMIT, digests, find_entry, find_record, read_journal
from teleclaude.migration.state.ledger import index_ledger
from teleclaude.migration.verify.ledger_check import LedgerCheck
from teleclaude.migration.verify.read_back import Target
from teleclaude.migration.verify.rejects import count_rejects
from teleclaude.migration.verify.table import verify_table


async def verify_tables(
    plan: Plan, target: AsyncConnection, ledger_file: Path, writes: Mapping[str, Writes] | None = None
) -> AsyncGenerator[Event | VerificationError, None]:
    """Yield a result for every table that holds exactly what was committed, and the error of every other one.

    What the daemon `writes`, by table, may differ.
    """
    allowed = writes or {}
    with reading(plan.databases) as sources:
        async with index_ledger(ledger_file, plan.inventory.private) as ledger:
            for table in plan.tables:
                reader = sources.of(table.from_events)
                check = LedgerCheck(table, ledger, allowed.get(table.label, NOTHING))
                try:
                    async with aclosing(verify_table(target, reader, check, plan.options.batch_size)) as found:
                        async for event in found:
                            yield event
                except VerificationError as difference:
                    yield difference


@asynccontextmanager
async def reading_target(plan: Plan) -> AsyncIterator[AsyncConnection]:
    """Open a connection to the target that can change nothing; raises TargetError where that does not work.

    It sees one moment of the database, so that numbers of rows are right while a daemon writes.
    """
    assert plan.url is not None
    with explained(plan.url):
        async with disposing(make_engine(plan.url, read_only=True)) as engine, engine.connect() as target:
            yield await target.execution_options(isolation_level="REPEATABLE READ")


async def verify_for_resume(plan: Plan) -> AsyncGenerator[Event, None]:
    """Yield a result for every table that holds exactly what was committed, and what else the cut-off run had found.

    Raises SourceError where the source is another one by now, TargetError where the target is.
    """
    async with reading_target(plan) as target:
        source = await _find_source(plan, target)
        if source is None:
            raise TargetError(problems.NOTHING_TO_FINISH)
        if not _is_same(plan, source):
            raise SourceError(problems.OTHER_SOURCE.fill(path=plan.inventory.checkout / "teleclaude.db"))
        async for event in _verify_committed(plan, target):
            yield event
        yield events.IdleSessions(**await count_idle(target, plan.started_at))
    commit = _find_commit(plan)
    if "constraints" not in commit:
        yield warning("recovery", problems.JOURNAL_LOST)
        return
    for sequence in commit["sequences"]:
        yield events.SequenceResult(**sequence)
    for constraint in commit["constraints"]:
        yield events.ConstraintResult(**constraint)
    yield note("recovery", problems.VERIFIED_BEFORE)


async def verify_for_undo(plan: Plan) -> AsyncGenerator[Event, None]:
    """Yield what shows that the target holds nothing that others wrote; raises TargetError where it does.

    Where the source is another one by now, or the journal is lost, rows are counted instead of compared.
    """
    async with reading_target(plan) as target:
        source = await _find_source(plan, target)
        if source is None:
            yield note("target", problems.NOTHING_THERE)
            return
        same, rows = _is_same(plan, source), _find_commit(plan).get("rows")
        if not same and rows is None:
            raise TargetError(problems.NOTHING_TO_COMPARE.fill(run=plan.run, rollback=rollback_text(plan)))
        if rows is None:
            ours = [table for table in plan.tables if not table.legacy]
            await _check_rows(plan, target, {t.name: t.rows - await count_rejects(Target(target), t) for t in ours})
            yield warning("target", problems.COUNTED_WITHOUT_JOURNAL)
        elif not same:
            await _check_rows(plan, target, rows)
            yield warning("source", problems.COUNTED_WITHOUT_SOURCE)
        else:
            async for event in _verify_committed(plan, target):
                yield event


async def _verify_committed(plan: Plan, target: AsyncConnection) -> AsyncGenerator[Event, None]:
    """Yield a result for every table; raises SourceError where the ledger is lost, TargetError where rows differ."""
    results: list[TableResult] = []
    async with aclosing(verify_tables(plan, target, plan.ledger)) as found:
        async for event in found:
            if isinstance(event, VerificationError):
                if "rows" not in _find_commit(plan):
                    raise SourceError(problems.LEDGER_LOST.fill(run=plan.run, table=event.table))
                raise TargetError(
                    problems.TABLE_CHANGED.fill(message=event.problem.message, rollback=rollback_text(plan))
                )
            if isinstance(event, TableResult):
                results.append(event)
            yield event
    await _check_rows(plan, target, {result.name: result.target_rows for result in results})
    yield events.LedgerResult(str(plan.ledger), sum(result.converted for result in results))


def _find_commit(plan: Plan) -> dict[str, Any]:
    """Return what the run wrote down before its COMMIT, little or nothing where its journal is lost."""
    return find_entry(read_journal(plan.folder), COMMIT["event"]) or {}


async def _find_source(plan: Plan, target: AsyncConnection) -> tuple[Path, str] | None:
    """Return the path and the sha256 of the old database as the run's row has them, None where there is no row."""
    if MigrationRun.__tablename__ not in await target.run_sync(schema.read_tables):
        return None
    query = select(MigrationRun.source, MigrationRun.source_sha256).where(MigrationRun.run_id == plan.run)
    row = (await target.execute(query)).one_or_none()
    return None if row is None else (Path(row.source), row.source_sha256)


def _is_same(plan: Plan, source: tuple[Path, str]) -> bool:
    """Whether the old databases are still what was migrated."""
    now, record = digests(plan.databases), find_record(plan.folder)
    return source in now and (record is None or record.sources == now)


async def _check_rows(plan: Plan, target: AsyncConnection, expected: Mapping[str, int]) -> None:
    """Raise TargetError where a table of ours holds another number of rows than was committed."""
    for name in sorted(await target.run_sync(schema.read_tables)):
        wanted = 1 if name == MigrationRun.__tablename__ else expected.get(name, 0)
        found = await target.scalar(select(func.count()).select_from(Model.metadata.tables[name]))
        if found != wanted:
            numbers = {"found": f"{found} row{'s'[: found != 1]}", "wanted": wanted}
            raise TargetError(problems.ROWS_CHANGED.fill(table=name, **numbers, rollback=rollback_text(plan)))
