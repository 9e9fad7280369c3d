"""How long a transfer takes: measured on a sample of each large table, and told anew while it runs."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.schema.search_0001 import EXPRESSIONS
from teleclaude.migration.batches import Loaded, Source
from teleclaude.migration.copy import copy_table
from teleclaude.migration.events import Forecast, Progress
from teleclaude.migration.ledger import Ledger
from teleclaude.migration.plan import Plan
from teleclaude.migration.shapes import quote
from teleclaude.migration.sources import Sources
from teleclaude.migration.tables import TablePlan

LOAD, KEYS, PROOF = "load", "keys", "proof"

WORTH_MEASURING = 5_000
"""Rows; a smaller table takes a moment, and what all of them take is not to the point."""
SAMPLE_ROWS = 1_000
FEW = 10
SPOTS = 8
"""From so many parts of a table the sample is taken, because old rows are often unlike new ones."""

PER_SAMPLE = 0.65
"""What a row of a long COPY takes, as a part of its time in a short one (docs/performance.md)."""
PER_LOAD = {KEYS: 0.25, PROOF: 1.25}
"""What follows the load of a table, as a part of its time (docs/performance.md)."""
PER_EXPRESSION = 0.7
"""What an index over the words takes, as a part of the time that finding the words takes (docs/performance.md)."""


@dataclass(frozen=True)
class Sampled:
    """What was measured of a table."""

    table: TablePlan
    row_bytes: float
    seconds: Mapping[str, float]
    """Of the whole table, by phase."""


async def take_samples(target: AsyncConnection, plan: Plan, sources: Sources) -> tuple[Sampled, ...]:
    """Load a sample of each large table into the bare tables of this transaction, and take it back."""
    large = [table for table in plan.tables if table.rows > WORTH_MEASURING]
    async with _taken_back(target):
        return tuple([await _measure(target, table, sources.of(table), plan.batch_size) for table in large])


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
        megabytes=round(sum(sample.row_bytes * sample.table.rows for sample in samples) / 1e6, 1),
        seconds=round(sum(sum(sample.seconds.values()) for sample in samples), 1),
    )


async def _measure(target: AsyncConnection, table: TablePlan, reader: Connection, batch_size: int) -> Sampled:
    sample, few = _sample(table, reader), replace(table, part=f" LIMIT {FEW}")
    loaded = Loaded()

    async def load(part: TablePlan, into: Loaded) -> None:
        # A table may have its key already, so that no row may come twice.
        async with _taken_back(target):
            await _copy(target, part, reader, batch_size, into)

    # The first time pays for what is prepared once; what every COPY takes is in the time of a few rows.
    await load(sample, loaded)
    once = await _time(lambda: load(few, Loaded()))
    took = await _time(lambda: load(sample, Loaded()))
    times = table.rows / max(loaded.rows, 1)
    seconds = {LOAD: max(took - once, 0.0) * times * PER_SAMPLE}
    seconds |= {phase: seconds[LOAD] * part for phase, part in PER_LOAD.items()}
    if table.label in EXPRESSIONS:
        async with _taken_back(target):
            await _copy(target, sample, reader, batch_size, Loaded())
            await _find_words(target, table)
            seconds[KEYS] += await _time(lambda: _find_words(target, table)) * times * PER_EXPRESSION
    return Sampled(table, loaded.size / max(loaded.rows, 1), seconds)


async def _find_words(target: AsyncConnection, table: TablePlan) -> None:
    await target.exec_driver_sql(f"SELECT count({EXPRESSIONS[table.label]}) FROM {table.sql_name}")  # noqa: S608


async def _time(work: Callable[[], Awaitable[None]]) -> float:
    begun = time.monotonic()
    await work()
    return time.monotonic() - begun


async def _copy(target: AsyncConnection, table: TablePlan, reader: Connection, batch_size: int, loaded: Loaded) -> None:
    async for _ in copy_table(target, Source(reader, Ledger(io.StringIO()), batch_size), table, loaded):
        pass


def _sample(table: TablePlan, reader: Connection) -> TablePlan:
    """Return the plan of a part of a table: rows from several places of it, else the first ones."""
    try:
        query = f"SELECT min(rowid), max(rowid) FROM {quote(table.source)}"  # noqa: S608
        first, last = reader.exec_driver_sql(query).one()
    except DBAPIError:
        first = last = None
    # A column of this name hides SQLite's own, and may hold anything.
    if not (isinstance(first, int) and isinstance(last, int)):
        return replace(table, part=f" LIMIT {SAMPLE_ROWS}")
    width = SAMPLE_ROWS // SPOTS
    # From the middle of each part, because the oldest rows are like no others.
    spots = [first + (last - first) * (2 * spot + 1) // (2 * SPOTS) for spot in range(SPOTS)]
    part = " OR ".join(f"rowid BETWEEN {spot} AND {spot + width}" for spot in spots)
    return replace(table, part=f" WHERE {part}")


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
