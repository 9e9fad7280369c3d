"""The proof: every value is read back from PostgreSQL and compared with the copy of the old database.

Values are decoded by `decode`, never by the converter. A difference is excused by exactly one thing: a ledger line with
this original and this stored value.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.errors import VerificationError
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.report.events import Progress
from teleclaude.migration.source.reader import BATCH_SIZE, read_rows
from teleclaude.migration.state.ledger import LedgerIndex
from teleclaude.migration.verify.decode import UndecodableError
from teleclaude.migration.verify.fast_path import find_doubtful
from teleclaude.migration.verify.ledger_check import LedgerCheck
from teleclaude.migration.verify.mismatch import number_differs, value_differs
from teleclaude.migration.verify.read_back import Row, Target, look_up, read_all_back
from teleclaude.migration.verify.rejects import count_rejects, without_rejects
from teleclaude.migration.verify.unkeyed import Difference, find_difference


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

    def read(self, target: Target) -> AsyncGenerator[list[Row], None]:
        """Yield those that were not rejected; raises VerificationError as `without_rejects` does."""
        rows = read_rows(self.reader, self.table.select, self.batch_size, BATCH_SIZE)
        return without_rejects(target, self.table, rows)


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
    target, source = Target(connection), Source(reader, table, batch_size)
    rejects = await count_rejects(target, table)
    ((rows,),) = await target.fetch(f"SELECT count(*) FROM {table.sql_name}")  # noqa: S608
    if rows + rejects != table.rows:
        raise number_differs(table, rows + rejects)
    comparison = _Comparison(LedgerCheck(table, ledger), target)
    if table.key:
        compared = 0
        async with (
            aclosing(source.read(target)) as wanted,
            aclosing(look_up(target, wanted, comparison.check, comparison.compare)) as batches,
        ):
            async for number in batches:
                compared += number
                yield Progress(table.label, compared, table.rows)
    else:
        await comparison.compare_unkeyed(source)
    yield Proof(rows, comparison.values)


@dataclass
class _Comparison:
    """Compares the rows of a table, and counts the values."""

    check: LedgerCheck
    target: Target
    values: int = 0

    async def compare(self, rows: list[Row], found: list[Row]) -> None:
        """Compare rows column by column; only what does not evidently mean the same is looked at value by value."""
        table = self.check.table
        stored = list(zip(*found, strict=True))
        for place, (column, raw) in enumerate(zip(table.columns, zip(*rows, strict=True), strict=True)):
            for index in find_doubtful(column, raw, stored[place]):
                found_value = stored[place][index]
                if not await self.check.allows(rows[index], place, found_value, self.target.is_same_json):
                    raise value_differs(table, table.key_of(rows[index]), column.name, raw[index], found_value)
            self.values += len(raw)
        for (name, value), values in zip(table.constants, stored[len(table.columns) :], strict=True):
            for row, one in zip(rows, values, strict=True):
                if one != value:
                    raise value_differs(table, table.key_of(row), name, value, one)
            self.values += len(values)

    async def compare_unkeyed(self, source: Source) -> None:
        """Compare a table without a key: each row must stand there as often as in the source."""
        table = self.check.table
        outcome = await find_difference(lambda: self._read_wanted(source), lambda: read_all_back(self.target, table))
        if isinstance(outcome, Difference):
            raise _unkeyed_differs(table, outcome)
        self.values += outcome

    async def _read_wanted(self, source: Source) -> AsyncIterator[tuple[Any, ...]]:
        places = range(len(source.table.columns))
        async with aclosing(source.read(self.target)) as batches:
            async for rows in batches:
                for row in rows:
                    try:
                        yield tuple(self.check.stored_value(row, place) for place in places)
                    except UndecodableError:
                        raise value_differs(source.table, None, "", row, "no such row") from None


def _unkeyed_differs(table: TablePlan, difference: Difference) -> VerificationError:
    place = difference.place
    if place is None:
        return value_differs(table, None, "", difference.wanted or "no such row", difference.found or "no such row")
    assert difference.wanted is not None
    assert difference.found is not None
    names = [column.name for column in table.columns] + [name for name, _ in table.constants]
    return value_differs(table, difference.wanted, names[place], difference.wanted[place], difference.found[place])
