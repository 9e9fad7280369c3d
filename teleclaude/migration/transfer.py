"""The one transaction: schema, rows, owners, identities, constraints, the proof, the run's row; then commit."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncTransaction

from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import work_alone
from teleclaude.db.models import Model
from teleclaude.db.patience import unstoppable
from teleclaude.errors import TargetError
from teleclaude.migration.batches import Loaded, Source
from teleclaude.migration.carried import create_carried, write_set_aside
from teleclaude.migration.constraints import add_constraints
from teleclaude.migration.copy import copy_table
from teleclaude.migration.deputy import deputy_for
from teleclaude.migration.detect.database_copy import check_unchanged
from teleclaude.migration.events import (
    ConstraintResult,
    Event,
    Finding,
    IdentityResult,
    LedgerResult,
    Progress,
    Result,
    TableResult,
    note,
    warning,
)
from teleclaude.migration.forecast import KEYS, LOAD, PROOF, check_room, make_clock, make_forecast, take_samples
from teleclaude.migration.identities import restart_identity
from teleclaude.migration.journal import COMMIT, find_entry, read_journal, write_entry
from teleclaude.migration.ledger import LedgerIndex, index_ledger, open_ledger
from teleclaude.migration.plan import Plan
from teleclaude.migration.run_row import LOCK_TIMEOUT, empty, has_arrived, insert_row
from teleclaude.migration.sources import Sources, reading
from teleclaude.migration.tables import TablePlan, set_aside_table
from teleclaude.migration.verify import compare_table
from teleclaude.migration.way_back import count_since, since_script
from teleclaude.migration.workspace import write_private

SESSION = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    LOCK_TIMEOUT,
    "SET LOCAL client_connection_check_interval = '10s'",
    "SET LOCAL timezone = 'UTC'",
    # Known to PostgreSQL 17 and newer.
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'transaction_timeout'",
)
"""For the transaction: no limit cuts it off, and a client that dies is noticed (PostgreSQL manual, chapter 20)."""


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
            "target", "no target can be reached, so the load was not rehearsed", "name one with --target, or mend it"
        )
        return
    with reading(plan) as sources, explained(plan.url):
        async with disposing(make_engine(plan.url)) as engine, engine.connect() as target:
            transaction = await target.begin()
            results: list[Result] = []
            async for event in _fill(plan, target, sources):
                if isinstance(event, TableResult | IdentityResult | ConstraintResult):
                    results.append(event)
                yield event
            check_unchanged(deputy_for(plan.account), plan.databases)
            if plan.dry_run:
                await transaction.rollback()
            else:
                await _commit(plan, transaction, results)


async def _commit(plan: Plan, transaction: AsyncTransaction, results: Sequence[Result]) -> None:
    """Commit; where the reply is lost, the run's row on a new connection tells what happened."""
    rows = {result.name: result.target_rows for result in results if isinstance(result, TableResult)}
    write_private(since_script(plan), count_since(plan, rows))
    write_entry(plan.folder, {**COMMIT, "rows": rows, **_to_entry(results)})
    try:
        # An interrupt in the middle would leave it open whether anything is there.
        await unstoppable(transaction.commit())
    except Exception:
        if not await has_arrived(plan):
            raise
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _to_entry(results: Sequence[Result]) -> dict[str, Any]:
    """Return what a run that takes this one up cannot find out any more."""
    return {
        "identities": [asdict(result) for result in results if isinstance(result, IdentityResult)],
        "constraints": [asdict(result) for result in results if isinstance(result, ConstraintResult)],
    }


async def _fill(plan: Plan, target: AsyncConnection, sources: Sources) -> AsyncGenerator[Event, None]:
    for setting in SESSION:
        await target.exec_driver_sql(setting)
    await work_alone(target)
    await _check_empty(target)
    await target.run_sync(schema.drop_keys if plan.schema_stands else schema.create_tables)
    await create_carried(target, plan.tables)
    samples = await take_samples(target, plan, sources)
    yield (forecast := make_forecast(plan, samples))
    await check_room(target, forecast)
    clock = make_clock(samples)
    tables = [_Loading(table) for table in plan.tables]
    with open_ledger(plan.ledger) as ledger:
        for loading in tables:
            begun = time.monotonic()
            rows = Source(sources.of(loading.table), ledger, plan.batch_size)
            async for progress in copy_table(target, rows, loading.table, loading.loaded):
                yield clock.tell(LOAD, progress)
            await write_set_aside(target, loading.table, loading.loaded.set_aside)
            loading.seconds = time.monotonic() - begun
        ledger.sync()
        yield LedgerResult(str(plan.ledger), ledger.entries)
    yield clock.tell(KEYS, Progress("keys, indexes, search", 0, 1))
    for table in plan.tables:
        if table.identity is not None:
            yield await restart_identity(target, table, table.identity)
    for result in await add_constraints(target):
        yield result
    written = index_ledger(plan.ledger)
    clock.end(KEYS)
    for loading in tables:
        async for event in _prove(plan, target, sources.of(loading.table), loading, written):
            yield clock.tell(PROOF, event) if isinstance(event, Progress) else event
        for finding in _remarks(loading):
            yield finding
    await insert_row(plan, target)


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
    async for event in compare_table(target, source, table, ledger, plan.batch_size):
        if isinstance(event, Progress):
            yield event
            continue
        yield TableResult(
            name=table.label,
            source_rows=table.rows,
            target_rows=event.rows,
            set_aside=len(loading.loaded.set_aside),
            values_compared=event.values,
            mismatches=0,
            coerced=loading.loaded.coerced,
            seconds=round(loading.seconds + time.monotonic() - begun, 3),
        )


def _remarks(loading: _Loading) -> Iterator[Finding]:
    label = loading.table.label
    for (column, rule), count in sorted(loading.loaded.silent.items()):
        yield note(
            f"{label}.{column}",
            f"{count} values were written without a zone and read as local time ({rule})",
            "say --timezone ZONE if the computer was elsewhere",
        )
    if loading.loaded.set_aside:
        reasons = Counter(reason for reason, _ in loading.loaded.set_aside)
        said = ", ".join(f"{count} because {reason}" for reason, count in reasons.items())
        yield warning(
            label,
            f"rows that their table cannot hold were set aside whole: {said}",
            f"they are in {set_aside_table(loading.table)}",
        )


async def undo_transfer(plan: Plan) -> None:
    """Empty the target again, if this very run has committed to it; otherwise nothing of it is there.

    A schema that stood before stands again, empty. A server that restarts is waited for. Raises TargetError where the
    run is complete, because others may have written since.
    """
    entries = read_journal(plan.folder)
    never_sent = entries and find_entry(entries, COMMIT["event"]) is None
    if plan.url is not None and not plan.dry_run and not never_sent:
        await empty(plan)
