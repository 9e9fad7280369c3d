"""The one transaction: schema, rows, owners, sequences, constraints, the proof, the run's row; then commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import work_alone
from teleclaude.db.models import Model
from teleclaude.db.retry import commit_and_know
from teleclaude.errors import TargetError
from teleclaude.migration.load.batches import Loaded, Source
from teleclaude.migration.load.constraints import add_constraints
from teleclaude.migration.load.copy import copy_table
from teleclaude.migration.load.estimate import Clock, check_room, make_forecast, read_size
from teleclaude.migration.load.legacy_tables import create_legacy_tables
from teleclaude.migration.load.sequences import restart_sequence
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.plan.rollback import count_since, since_script
from teleclaude.migration.plan.tables import TablePlan, rejects_table
from teleclaude.migration.report.events import (
    ConstraintResult,
    Event,
    Finding,
    Forecast,
    LedgerResult,
    Progress,
    Result,
    SequenceResult,
    TableResult,
    note,
    warning,
)
from teleclaude.migration.source.privsep import privsep_for
from teleclaude.migration.source.reader import Sources, reading
from teleclaude.migration.source.snapshot import check_unchanged
from teleclaude.migration.state.journal import COMMIT, find_entry, read_journal, write_entry
from teleclaude.migration.state.ledger import LedgerIndex, index_ledger, open_ledger
from teleclaude.migration.state.target_row import empty, has_arrived, insert_row
from teleclaude.migration.state.workspace import write_private
from teleclaude.migration.verify.table import verify_table


@dataclass
class _Loading:
    """A table between its load and its proof."""

    table: TablePlan
    loaded: Loaded = field(default_factory=Loaded)
    seconds: float = 0.0


async def transfer(plan: Plan) -> AsyncGenerator[Event, None]:
    """Move the database. Nothing is there for anybody else before the commit, and everything is after it.

    Raises TargetError, VerificationError, SourceError; then nothing was kept.
    """
    if plan.url is None:
        yield warning(
            "target", "no target can be reached, so the load was not rehearsed", "name one with --target, or fix it"
        )
        return
    with reading(plan.databases) as sources, explained(plan.url):
        async with disposing(make_engine(plan.url)) as engine, engine.connect() as target:
            results: list[Result] = []
            async for event in _fill(plan, target, sources):
                if isinstance(event, TableResult | SequenceResult | ConstraintResult):
                    results.append(event)
                yield event
            check_unchanged(privsep_for(plan.inventory.account), plan.databases)
            if plan.options.dry_run:
                await target.rollback()
            else:
                await _commit(plan, target, results)


async def _commit(plan: Plan, target: AsyncConnection, results: Sequence[Result]) -> None:
    """Commit; where the reply is lost, the run's row on a new connection tells what happened."""
    rows = {result.name: result.target_rows for result in results if isinstance(result, TableResult)}
    write_private(since_script(plan), count_since(plan, rows))
    write_entry(plan.folder, {**COMMIT, "rows": rows, **_to_entry(results)})
    assert plan.url is not None
    await commit_and_know(target, partial(has_arrived, plan.url, plan.run))
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _to_entry(results: Sequence[Result]) -> dict[str, Any]:
    """Return what a run that takes this one up cannot find out any more."""
    return {
        "sequences": [asdict(result) for result in results if isinstance(result, SequenceResult)],
        "constraints": [asdict(result) for result in results if isinstance(result, ConstraintResult)],
    }


async def _fill(plan: Plan, target: AsyncConnection, sources: Sources) -> AsyncGenerator[Event, None]:
    await work_alone(target)
    await target.exec_driver_sql("SET LOCAL timezone = 'UTC'")
    await _check_empty(target)
    await target.run_sync(schema.drop_post_data if plan.schema_exists else schema.create_pre_data)
    await create_legacy_tables(target, plan.tables)
    async for said in _look_ahead(plan, target, sources):
        yield said
    tables = [_Loading(table) for table in plan.tables]
    clock = Clock(sum(table.rows for table in plan.tables))
    with open_ledger(plan.ledger) as ledger:
        for loading in tables:
            begun = time.monotonic()
            rows = Source(sources.of(loading.table.from_events), ledger, plan.options.batch_size)
            async for progress in copy_table(target, rows, loading.table, loading.loaded):
                yield clock.tell(progress)
            clock.finish(loading.table.rows)
            loading.seconds = time.monotonic() - begun
        ledger.sync()
        yield LedgerResult(str(plan.ledger), ledger.entries)
    yield clock.tell(Progress("keys, indexes, search", 0, 1))
    async for result in _add_keys(plan, target):
        yield result
    async with index_ledger(plan.ledger, plan.inventory.private) as written:
        for loading in tables:
            async for proved in _prove(plan, target, sources.of(loading.table.from_events), loading, written):
                yield clock.tell(proved) if isinstance(proved, Progress) else proved
            clock.finish(loading.table.rows)
            for finding in _notices(loading):
                yield finding
    await insert_row(plan, target)


async def _look_ahead(
    plan: Plan, target: AsyncConnection, sources: Sources
) -> AsyncGenerator[Forecast | Finding, None]:
    """Yield what the load will take, and a warning where the disk may be too small; raises TargetError where it is."""
    pairs = zip((sources.main, sources.events), plan.databases, strict=False)
    size = sum(read_size(reader, database.tables) for reader, database in pairs if reader is not None)
    yield (forecast := make_forecast(plan.tables, size))
    if (finding := await check_room(target, forecast)) is not None:
        yield finding


async def _add_keys(plan: Plan, target: AsyncConnection) -> AsyncGenerator[SequenceResult | ConstraintResult, None]:
    for table in plan.tables:
        if table.sequence is not None:
            yield await restart_sequence(target, table, table.sequence)
    for result in await add_constraints(target):
        yield result


async def _check_empty(target: AsyncConnection) -> None:
    """Look again, now that nobody else can load: rows that came since detection refuse the run."""
    for name in sorted(await target.run_sync(schema.read_tables)):
        if await target.scalar(select(func.count()).select_from(Model.metadata.tables[name])):
            raise TargetError(f"{name} on the target has rows that were not there before", "name an empty database")


async def _prove(
    plan: Plan, target: AsyncConnection, source: Connection, loading: _Loading, ledger: LedgerIndex
) -> AsyncGenerator[Progress | TableResult, None]:
    begun = time.monotonic()
    table = loading.table
    async for event in verify_table(target, source, table, ledger, plan.options.batch_size):
        if isinstance(event, Progress):
            yield event
            continue
        yield TableResult(
            name=table.label,
            source_rows=table.rows,
            target_rows=event.rows,
            rejected=loading.loaded.rejected.total(),
            values_compared=event.values,
            mismatches=0,
            converted=loading.loaded.converted,
            seconds=round(loading.seconds + time.monotonic() - begun, 3),
        )


def _notices(loading: _Loading) -> Iterator[Finding]:
    label = loading.table.label
    for (column, rule), count in sorted(loading.loaded.silent.items()):
        yield note(
            f"{label}.{column}",
            f"{count} values were written without a zone and read as local time ({rule})",
            "use --timezone ZONE if the computer was elsewhere",
        )
    if loading.loaded.rejected:
        said = ", ".join(f"{count} because {reason}" for reason, count in loading.loaded.rejected.items())
        yield warning(
            label,
            f"rows that their table cannot hold were rejected, and kept whole: {said}",
            f"they are in {rejects_table(loading.table)}",
        )


async def undo_transfer(plan: Plan) -> None:
    """Empty the target again, if this very run has committed to it; otherwise nothing of it is there.

    A schema that stood before stands again, empty. A server that restarts is waited for. Raises TargetError where the
    run is complete, because others may have written since.
    """
    entries = read_journal(plan.folder)
    never_sent = entries and find_entry(entries, COMMIT["event"]) is None
    if plan.url is not None and not plan.options.dry_run and not never_sent:
        await empty(plan)
