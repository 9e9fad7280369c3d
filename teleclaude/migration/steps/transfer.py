"""The one transaction: tables, rows, sequences, constraints, verification, the run's row. Then it is committed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict, replace
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import work_alone
from teleclaude.db.models import Model
from teleclaude.db.problems import WAITS_FOR_STANDBY
from teleclaude.db.retry import commit_and_know, uninterrupted
from teleclaude.db.store.idle import count_idle
from teleclaude.db.watch import watched
from teleclaude.errors import TargetError
from teleclaude.migration.load.batches import Loaded, Source
from teleclaude.migration.load.constraints import add_constraints
from teleclaude.migration.load.copy import copy_table
from teleclaude.migration.load.estimate import Clock, check_room, make_forecast, read_size
from teleclaude.migration.load.legacy_tables import create_legacy_tables
from teleclaude.migration.load.sequences import restart_sequence
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.plan.rollback import since_script
from teleclaude.migration.plan.rollback_sql import count_since
from teleclaude.migration.plan.tables import TablePlan, rejects_table
from teleclaude.migration.report import events
from teleclaude.migration.report.events import Event, Finding, Progress, Result, TableResult, TableUse, note, warning
from teleclaude.migration.source.privsep import privsep_for
from teleclaude.migration.source.reader import Sources, naming_large, reading
from teleclaude.migration.source.snapshot import check_unchanged
from teleclaude.migration.source.stoppable import in_thread
from teleclaude.migration.state.journal import COMMIT, find_entry, read_journal, write_entry
from teleclaude.migration.state.ledger import index_ledger, open_ledger
from teleclaude.migration.state.target_row import empty, has_arrived, insert_row
from teleclaude.migration.state.workspace import write_private
from teleclaude.migration.steps.problems import HAS_ROWS, LOCAL_TIMES, NOT_REHEARSED, REJECTED
from teleclaude.migration.verify.ledger_check import LedgerCheck
from teleclaude.migration.verify.table import verify_table
from teleclaude.printable import count

_Loads = Sequence[tuple[TablePlan, Loaded]]
"""Every table of the plan, and the sums of its load."""

_COMPRESS_FASTER = (
    "SELECT set_config(name, 'lz4', true) FROM pg_settings"
    " WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
)
"""Long values load in a quarter of the time with lz4 (docs/performance.md), which not every server was built with."""


async def transfer(plan: Plan) -> AsyncGenerator[Event, None]:
    """Move the database. Nobody else sees anything of it before the commit, and everything after it.

    Raises TargetError, VerificationError or SourceError; then nothing was kept.
    """
    if plan.url is None:
        yield warning("target", NOT_REHEARSED)
        return
    with reading(plan.databases) as sources, explained(plan.url):
        async with disposing(make_engine(plan.url)) as engine, watched(engine) as target:
            results: list[Result] = []
            async for event in _fill(plan, target, sources):
                if not isinstance(event, Progress | TableUse | Finding):
                    results.append(event)
                yield event
            await in_thread(check_unchanged, privsep_for(plan.inventory.account), plan.databases)
            if plan.options.dry_run:
                await target.rollback()
            else:
                async for event in _commit(plan, target, results):
                    yield event


async def _fill(plan: Plan, target: AsyncConnection, sources: Sources) -> AsyncGenerator[Event, None]:
    """Do the work of the transaction, in order."""
    loads = tuple((table, Loaded()) for table in plan.tables)
    clock = Clock(sum(table.rows for table in plan.tables))
    await _create_tables(target, plan.tables, schema_exists=plan.schema_exists)
    stages = (
        _forecast(plan, target, sources),
        _load(plan, target, sources, loads, clock),
        _add_keys(target, plan.tables),
        _verify(plan, target, sources, loads, clock),
        _count_idle(plan, target),
    )
    for stage in stages:
        async for event in stage:
            yield clock.tell(event) if isinstance(event, Progress) else event
    await insert_row(plan, target)


async def _create_tables(target: AsyncConnection, tables: Sequence[TablePlan], *, schema_exists: bool) -> None:
    """Create every table without keys, indexes and constraints; raises TargetError where the target is not empty."""
    await work_alone(target)
    await target.exec_driver_sql("SET LOCAL timezone = 'UTC'")
    await target.exec_driver_sql(_COMPRESS_FASTER)
    # Discovery saw empty tables, but only now nobody else can load.
    for name in sorted(await target.run_sync(schema.read_tables)):
        if await target.scalar(select(func.count()).select_from(Model.metadata.tables[name])):
            raise TargetError(HAS_ROWS.fill(table=name))
    await target.run_sync(schema.drop_post_data if schema_exists else schema.create_pre_data)
    await create_legacy_tables(target, tables)


async def _forecast(plan: Plan, target: AsyncConnection, sources: Sources) -> AsyncGenerator[Event, None]:
    """Yield how much there is to load, and a warning where the disk may be too small; TargetError where it is."""
    pairs = zip((sources.main, sources.events), plan.databases, strict=False)
    size = sum(read_size(reader, database.tables) for reader, database in pairs if reader is not None)
    forecast = make_forecast(plan.tables, size)
    yield forecast
    if (finding := await check_room(target, forecast)) is not None:
        yield finding


async def _load(
    plan: Plan, target: AsyncConnection, sources: Sources, loads: _Loads, clock: Clock
) -> AsyncGenerator[Event, None]:
    """Copy the rows of every table, and write the ledger."""
    with open_ledger(plan.ledger) as ledger:
        for table, loaded in loads:
            begun = time.monotonic()
            source = Source(sources.of(table.from_events), ledger, plan.options.batch_size)
            with naming_large(table.source):
                async for progress in copy_table(target, source, table, loaded):
                    yield progress
            clock.finish(table.rows)
            loaded.seconds = time.monotonic() - begun
        ledger.sync()
        yield events.LedgerResult(str(plan.ledger), ledger.entries)


async def _add_keys(target: AsyncConnection, tables: Sequence[TablePlan]) -> AsyncGenerator[Event, None]:
    """Restart the sequences, and add keys, indexes and constraints to the loaded tables."""
    yield Progress("keys, indexes, search", 0, 1)
    for table in tables:
        if table.sequence is not None:
            yield await restart_sequence(target, table, table.sequence)
    for result in await add_constraints(target):
        yield result


async def _verify(
    plan: Plan, target: AsyncConnection, sources: Sources, loads: _Loads, clock: Clock
) -> AsyncGenerator[Event, None]:
    """Read every table back and compare it; raises VerificationError at the first difference."""
    async with index_ledger(plan.ledger, plan.inventory.private) as ledger:
        for table, loaded in loads:
            begun = time.monotonic()
            reader = sources.of(table.from_events)
            check = LedgerCheck(table, ledger)
            with naming_large(table.source):
                async for event in verify_table(target, reader, check, plan.options.batch_size):
                    if isinstance(event, TableResult):
                        yield replace(event, seconds=round(loaded.seconds + time.monotonic() - begun, 3))
                    else:
                        yield event
            clock.finish(table.rows)
            for finding in _find_notable(table, loaded):
                yield finding


async def _count_idle(plan: Plan, target: AsyncConnection) -> AsyncGenerator[Event, None]:
    yield events.IdleSessions(**await count_idle(target, plan.started_at))


def _find_notable(table: TablePlan, loaded: Loaded) -> Iterator[Finding]:
    """Yield what the operator should know of the rows of a table."""
    for (column, rule), number in sorted(loaded.silent.items()):
        yield note(f"{table.label}.{column}", LOCAL_TIMES.fill(values=count(number, "value"), rule=rule))
    if loaded.rejected:
        reasons = ", ".join(f"{number:,} because {reason}" for reason, number in loaded.rejected.items())
        yield warning(table.label, REJECTED.fill(reasons=reasons, rejects=rejects_table(table)))


async def _commit(plan: Plan, target: AsyncConnection, results: Sequence[Result]) -> AsyncGenerator[Event, None]:
    """Commit, and yield a warning where that waits for a standby.

    Where the reply is lost, the run's row tells whether it arrived, asked on a new connection.
    The journal gets what a run that takes this one up could not find out again.
    """
    rows = {result.name: result.target_rows for result in results if isinstance(result, events.TableResult)}
    found = {
        "sequences": [asdict(result) for result in results if isinstance(result, events.SequenceResult)],
        "constraints": [asdict(result) for result in results if isinstance(result, events.ConstraintResult)],
    }
    write_private(since_script(plan), count_since(plan, rows))
    write_entry(plan.folder, {**COMMIT, "rows": rows, **found})
    assert plan.url is not None
    task = asyncio.current_task()
    assert task is not None
    waits = asyncio.Event()
    commit = asyncio.ensure_future(
        commit_and_know(target, plan.url, partial(has_arrived, plan.url, plan.run), waits.set, task.cancelling)
    )
    told = asyncio.ensure_future(waits.wait())
    await uninterrupted(asyncio.wait([commit, told], return_when=asyncio.FIRST_COMPLETED))
    told.cancel()
    if waits.is_set():
        yield Progress(WAITS_FOR_STANDBY.message, 0, 1)
        yield warning("target", WAITS_FOR_STANDBY)
    await uninterrupted(commit)
    if task.cancelling():
        raise asyncio.CancelledError


async def undo_transfer(plan: Plan) -> None:
    """Empty the target again, if this run has committed to it; otherwise the target holds nothing of the run.

    A schema that existed before exists again, empty. A server that restarts is waited for. Raises TargetError where the
    run is complete, because others may have written since.
    """
    entries = read_journal(plan.folder)
    never_sent = entries and find_entry(entries, COMMIT["event"]) is None
    if plan.url is not None and not plan.options.dry_run and not never_sent:
        await empty(plan)
