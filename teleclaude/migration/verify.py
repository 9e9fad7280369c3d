"""The proof: every value is read back from PostgreSQL and compared with the copy of the old database.

Values are decoded by `decode`, never by the converter. A difference is excused by exactly one thing: a ledger line with
this original and this stored value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.decode import UndecodableError
from teleclaude.migration.events import Progress
from teleclaude.migration.excuses import Excuses, read_excuses
from teleclaude.migration.ledger import LedgerIndex
from teleclaude.migration.lookup import Row, look_up, read_all_back
from teleclaude.migration.matching import find_doubtful
from teleclaude.migration.mismatch import number_differs, value_differs
from teleclaude.migration.multiset import find_difference
from teleclaude.migration.set_aside import Exact, read_set_aside, to_exact
from teleclaude.migration.sources import BATCH_SIZE, read_rows
from teleclaude.migration.tables import TablePlan


@dataclass(frozen=True)
class Proof:
    """How many rows PostgreSQL holds of a table, and how many values of them were compared."""

    rows: int
    values: int


@dataclass(frozen=True)
class Source:
    """The rows that the old database holds of a table, `batch_size` at most at a time."""

    reader: Connection
    table: TablePlan
    batch_size: int
    aside: Counter[Exact]
    """Those that were set aside."""

    def read(self) -> Iterator[list[Row]]:
        """Yield those that were not set aside; raises VerificationError where one was that the source does not hold."""
        aside = self.aside.copy()
        for rows in read_rows(self.reader, self.table.select, self.batch_size, BATCH_SIZE):
            if aside.total():
                rows[:] = [row for row in rows if not _take(aside, row)]
            if rows:
                yield rows
            # No row stays in memory while others are read.
            del rows
        if aside.total():
            raise value_differs(self.table, None, "", "no such row", [value for _, value in next(iter(+aside))])


def _take(aside: Counter[Exact], row: Row) -> bool:
    """Whether a row is among those set aside, of which it then is no more."""
    whole = to_exact(row)
    if not aside[whole]:
        return False
    aside[whole] -= 1
    return True


async def verify_table(
    connection: AsyncConnection, reader: Connection, table: TablePlan, ledger: LedgerIndex, batch_size: int
) -> Proof:
    """Compare a whole table and return what was compared; raises VerificationError as `compare_table` does."""
    proof: Proof | None = None
    async for event in compare_table(connection, reader, table, ledger, batch_size):
        proof = event if isinstance(event, Proof) else None
    assert proof is not None
    return proof


async def compare_table(
    connection: AsyncConnection, reader: Connection, table: TablePlan, ledger: LedgerIndex, batch_size: int
) -> AsyncGenerator[Progress | Proof, None]:
    """Compare a whole table, and yield how far it is, at last what was compared.

    Raises VerificationError at the first value that differs without excuse, and where rows are missing or too many.
    """
    excuses = read_excuses(ledger, table)
    aside = await read_set_aside(connection, table)
    rows = (await connection.exec_driver_sql(f"SELECT count(*) FROM {table.sql_name}")).scalar() or 0  # noqa: S608
    if rows + aside.total() != table.rows:
        raise number_differs(table, rows + aside.total())
    source = Source(reader, table, batch_size, aside)
    if table.key:
        compared = 0
        async with aclosing(look_up(connection, source.read(), excuses, partial(_compare_batch, excuses))) as batches:
            async for number in batches:
                compared += number
                yield Progress(table.label, compared, table.rows)
    else:
        await _compare_unkeyed(connection, source, excuses)
    yield Proof(rows, rows * (len(table.columns) + len(table.constants)))


def _compare_batch(excuses: Excuses, rows: list[Row], found: list[Row]) -> None:
    """Compare rows column by column; only what does not evidently mean the same is looked at value by value."""
    table = excuses.table
    stored = list(zip(*found, strict=True))
    for place, (column, raw) in enumerate(zip(table.columns, zip(*rows, strict=True), strict=True)):
        for index in find_doubtful(column, raw, stored[place]):
            if not excuses.allow(rows[index], place, stored[place][index]):
                raise value_differs(table, table.key_of(rows[index]), column.name, raw[index], stored[place][index])
    for (name, value), values in zip(table.constants, stored[len(table.columns) :], strict=True):
        for row, one in zip(rows, values, strict=True):
            if one != value:
                raise value_differs(table, table.key_of(row), name, value, one)


async def _compare_unkeyed(connection: AsyncConnection, source: Source, excuses: Excuses) -> None:
    """Compare a table without a key: each row must stand there as often as in the source."""
    table = excuses.table

    def wanted() -> Iterator[tuple[Any, ...]]:
        places = range(len(table.columns))
        for rows in source.read():
            for row in rows:
                try:
                    yield tuple(excuses.stored_value(row, place) for place in places)
                except UndecodableError:
                    raise value_differs(table, None, "", row, "no such row") from None

    difference = await find_difference(wanted, lambda: read_all_back(connection, table))
    if difference is None:
        return
    place = difference.place
    if place is None:
        raise value_differs(table, None, "", difference.wanted or "no such row", difference.found or "no such row")
    assert difference.wanted is not None
    assert difference.found is not None
    names = [column.name for column in table.columns] + [name for name, _ in table.constants]
    raise value_differs(table, difference.wanted, names[place], difference.wanted[place], difference.found[place])
