"""How long a transfer takes: measured on a sample of each large table, and told anew while it runs."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import psutil
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.data_directory import find_data_directory
from teleclaude.db.schema.search_0001 import EXPRESSIONS
from teleclaude.errors import TargetError
from teleclaude.migration.batches import Loaded, Source
from teleclaude.migration.copy import copy_table
from teleclaude.migration.events import Forecast, Progress
from teleclaude.migration.ledger import Ledger
from teleclaude.migration.plan import Plan
from teleclaude.migration.sampling import MANY_ROWS, Extent, measure, take_sample
from teleclaude.migration.shapes import quote
from teleclaude.migration.sources import Sources
from teleclaude.migration.tables import TablePlan

LOAD, KEYS, PROOF = "load", "keys", "proof"

WORTH_MEASURING = 8 << 20
"""Bytes; a smaller table of few rows takes a moment, and what all of them take is not to the point."""

PER_SAMPLE = 0.65
"""What a row of a long COPY takes, as a part of its time in a short one (docs/performance.md)."""
PER_LOAD = {KEYS: 0.25, PROOF: 1.25}
"""What follows the load of a table, as a part of its time (docs/performance.md)."""
PER_SEARCH = 0.75
"""What a row of the index of the search takes, as a part of its time in that of a sample (docs/performance.md)."""
PER_ROW_STORED = 32
"""Bytes that a row takes beside its values (PostgreSQL manual, section 66.6)."""
PER_TABLE = 1.25
"""What a table takes on the disk with its keys and indexes, as a multiple of its rows (docs/performance.md)."""


@dataclass(frozen=True)
class Sampled:
    """What was measured of a table, and follows from it for the whole of it."""

    table: TablePlan
    sent: float
    """Bytes that will be sent."""
    disk: float
    """Bytes that it will take on the disk of the database."""
    seconds: Mapping[str, float]
    """By phase; empty where the table takes a moment."""


async def take_samples(target: AsyncConnection, plan: Plan, sources: Sources) -> tuple[Sampled, ...]:
    """Load a sample of each large table into the bare tables of this transaction, and take it back."""
    extents = [measure(table, sources.of(table.from_events)) for table in plan.tables]
    async with _taken_back(target):
        return tuple(
            [
                await _measure(target, extent, sources.of(extent.table.from_events), plan.batch_size)
                for extent in extents
            ]
        )


@asynccontextmanager
async def _taken_back(target: AsyncConnection) -> AsyncIterator[None]:
    savepoint = await target.begin_nested()
    try:
        yield
    finally:
        await savepoint.rollback()


def make_forecast(plan: Plan, samples: tuple[Sampled, ...]) -> Forecast:
    """Return what the operator is told before the load."""
    return Forecast(
        rows=sum(table.rows for table in plan.tables),
        megabytes=round(sum(sample.sent for sample in samples) / 1e6, 3),
        disk_megabytes=round(sum(sample.disk for sample in samples) / 1e6, 3),
        seconds=round(sum(sum(sample.seconds.values()) for sample in samples), 1),
    )


async def check_room(target: AsyncConnection, forecast: Forecast) -> None:
    """Raise TargetError where the disk of the database is one of this computer, and too small for the forecast."""
    folder = await find_data_directory(target)
    if folder is None:
        return
    free = psutil.disk_usage(str(folder)).free / 1e6
    if forecast.disk_megabytes > free:
        raise TargetError(
            f"the database will need about {forecast.disk_megabytes:.0f} MB, {folder} has {free:.0f} MB free",
            "make room there, or name a database on a larger disk",
        )


async def _measure(target: AsyncConnection, whole: Extent, reader: Connection, batch_size: int) -> Sampled:
    if whole.rows <= MANY_ROWS and whole.size <= WORTH_MEASURING:
        return Sampled(whole.table, whole.size, whole.size * PER_TABLE, {})
    sample = take_sample(whole, reader)
    few = replace(whole.table, part=f" LIMIT {sample.rows // 100}")
    loaded = Loaded()

    async def load(part: TablePlan, into: Loaded) -> None:
        # A table may have its key already, so that no row may come twice.
        async with _taken_back(target):
            await _copy(target, part, reader, batch_size, into)

    # The first time pays for what is prepared once; what every COPY takes is in the time of a few rows.
    await load(sample.table, loaded)
    once = await _time(lambda: load(few, Loaded()))
    took = await _time(lambda: load(sample.table, Loaded()))
    times = whole.size / max(sample.size, 1)
    seconds = {LOAD: max(took - once, 0.0) * times * PER_SAMPLE}
    seconds |= {phase: seconds[LOAD] * part for phase, part in PER_LOAD.items()}
    async with _taken_back(target):
        await _copy(target, sample.table, reader, batch_size, Loaded())
        disk = await _count_stored(target, whole.table)
        if whole.table.label in EXPRESSIONS:
            index = f"CREATE INDEX ON {whole.table.sql_name} USING gin ({EXPRESSIONS[whole.table.label]})"
            # As with the rows, the first time pays for what is prepared once.
            await target.exec_driver_sql(index)
            seconds[KEYS] += await _time(partial(target.exec_driver_sql, index)) * times * PER_SEARCH
    return Sampled(whole.table, loaded.size * times, disk * times * PER_TABLE, seconds)


async def _count_stored(target: AsyncConnection, table: TablePlan) -> int:
    """Return the bytes of a table's rows, as PostgreSQL has compressed them."""
    sizes = ", ".join(f"sum(pg_column_size({quote(column.name)}))" for column in table.columns)
    found: Sequence[Any] = (await target.exec_driver_sql(f"SELECT count(*), {sizes} FROM {table.sql_name}")).one()  # noqa: S608
    return PER_ROW_STORED * int(found[0]) + sum(int(size or 0) for size in found[1:])


async def _time(work: Callable[[], Awaitable[object]]) -> float:
    begun = time.monotonic()
    await work()
    return time.monotonic() - begun


async def _copy(target: AsyncConnection, table: TablePlan, reader: Connection, batch_size: int, loaded: Loaded) -> None:
    async for _ in copy_table(target, Source(reader, Ledger(io.StringIO()), batch_size), table, loaded):
        pass


@dataclass
class Clock:
    """Tells how much time is left, by what the forecast gave each part and by what the parts took so far."""

    expected: Mapping[tuple[str, str], float]
    now: Callable[[], float] = time.monotonic
    begun: float = field(init=False)
    done: dict[tuple[str, str], float] = field(init=False, default_factory=dict)
    """The share of each part."""

    def __post_init__(self) -> None:
        self.begun = self.now()

    def tell(self, phase: str, progress: Progress) -> Progress:
        """Return the progress of a part with the seconds that are left of the whole, None where nobody can know."""
        self.done[phase, progress.subject] = progress.done / max(progress.total, 1)
        return replace(progress, left=self._left())

    def end(self, phase: str) -> None:
        """Note that a phase is over, for all tables."""
        self.done |= {part: 1.0 for part in self.expected if part[0] == phase}

    def _left(self) -> float | None:
        whole = sum(self.expected.values())
        done = sum(seconds * self.done.get(part, 0.0) for part, seconds in self.expected.items())
        if not done:
            return whole or None
        return (whole - done) * (self.now() - self.begun) / done


def make_clock(samples: tuple[Sampled, ...]) -> Clock:
    """Start the clock."""
    return Clock({(phase, each.table.label): took for each in samples for phase, took in each.seconds.items()})
