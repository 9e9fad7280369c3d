"""The verification: every value is read back from PostgreSQL and compared with the copy of the old database.

Values are decoded by `decode`, never by the converter. Only a ledger line with this original and this stored value
allows a difference.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.errors import VerificationError
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.report.events import Progress, TableResult
from teleclaude.migration.source.reader import BATCH_SIZE, read_rows
from teleclaude.migration.state.ledger import LedgerIndex
from teleclaude.migration.verify.decode import UndecodableError
from teleclaude.migration.verify.fast_path import find_doubtful
from teleclaude.migration.verify.ledger_check import LedgerCheck
from teleclaude.migration.verify.mismatch import number_differs, value_differs
from teleclaude.migration.verify.read_back import Row, Target, look_up, read_all_back
from teleclaude.migration.verify.rejects import count_rejects, without_rejects
from teleclaude.migration.verify.unkeyed import Difference, find_difference


async def verify_table(
    connection: AsyncConnection, reader: Connection, table: TablePlan, ledger: LedgerIndex, batch_size: int
) -> AsyncGenerator[Progress | TableResult, None]:
    """Compare a whole table, and yield how far it is, at last the result, whose seconds are for the caller to measure.

    Raises VerificationError at the first value that differs and that no ledger line allows, where rows are missing or
    too many, and where two rows of the source are one in PostgreSQL.
    """
    target = Target(connection)
    rejects = await count_rejects(target, table)
    ((rows,),) = await target.fetch(f"SELECT count(*) FROM {table.sql_name}")  # noqa: S608
    if rows + rejects != table.rows:
        raise number_differs(table, rows + rejects)
    comparison = _Comparison(LedgerCheck(table, ledger), target, reader, batch_size)
    if table.key:
        compared = 0
        async with (
            aclosing(comparison.read()) as wanted,
            aclosing(look_up(target, wanted, comparison.check, comparison.compare)) as batches,
        ):
            async for number in batches:
                compared += number
                yield Progress(table.label, compared, table.rows)
        await comparison.check_keys()
    else:
        await comparison.compare_unkeyed()
    converted = ledger.entries.get(table.label, 0)
    yield TableResult(table.label, table.rows, rows, rejects, comparison.values, 0, converted, seconds=0.0)


@dataclass
class _Comparison:
    """Compares the rows of a table, `batch_size` at most at a time, and counts the values."""

    check: LedgerCheck
    target: Target
    reader: Connection
    batch_size: int
    values: int = 0
    keys_changed: bool = False
    """Whether PostgreSQL holds a key otherwise than the source, so that it may be another row's as well."""

    def read(self) -> AsyncGenerator[list[Row], None]:
        """Yield the rows of the source that were not rejected; raises VerificationError as `without_rejects` does."""
        rows = read_rows(self.reader, self.check.table.select, self.batch_size, BATCH_SIZE)
        return without_rejects(self.target, self.check.table, rows)

    async def compare(self, rows: list[Row], found: list[Row]) -> None:
        """Compare rows column by column; only what does not evidently mean the same is looked at value by value."""
        table = self.check.table
        stored = list(zip(*found, strict=True))
        for place, (column, raw) in enumerate(zip(table.columns, zip(*rows, strict=True), strict=True)):
            for index in find_doubtful(column, raw, stored[place]):
                found_value = stored[place][index]
                if not await self.check.allows(rows[index], place, found_value, self.target.is_same_json):
                    raise value_differs(table, table.key_of(rows[index]), column.name, raw[index], found_value)
            self.keys_changed |= column.name in table.key and raw != stored[place]
            self.values += len(raw)
        for (name, value), values in zip(table.constants, stored[len(table.columns) :], strict=True):
            for row, one in zip(rows, values, strict=True):
                if one != value:
                    raise value_differs(table, table.key_of(row), name, value, one)
            self.values += len(values)

    async def check_keys(self) -> None:
        """Check that no two rows of the source are one in PostgreSQL, while a foreign row keeps the number right.

        Keys that SQLite itself kept unique, and that arrived as they are, are as many as the rows.
        """
        table = self.check.table
        if table.unique_key and not self.keys_changed:
            return
        outcome = await self._find_difference(table.key)
        if isinstance(outcome, Difference) and outcome.wanted is not None:
            raise value_differs(table, outcome.wanted, "", "two such rows", "one")
        if isinstance(outcome, Difference):
            raise value_differs(table, outcome.found, "", "no such row", "a row")

    async def compare_unkeyed(self) -> None:
        """Compare a table without a key: PostgreSQL must hold each row as often as the source does."""
        table = self.check.table
        names = [column.name for column in table.columns] + [name for name, _ in table.constants]
        outcome = await self._find_difference(names)
        if isinstance(outcome, Difference):
            raise _unkeyed_differs(table, names, outcome)
        self.values += outcome

    async def _find_difference(self, names: Collection[str]) -> Difference | int:
        return await find_difference(
            lambda: self._read_wanted(names), lambda: read_all_back(self.target, self.check.table, names)
        )

    async def _read_wanted(self, names: Collection[str]) -> AsyncIterator[tuple[Any, ...]]:
        """Yield what PostgreSQL must hold in some columns of every row."""
        table = self.check.table
        places = [place for place, column in enumerate(table.columns) if column.name in names]
        constants = [value for name, value in table.constants if name in names]
        async with aclosing(self.read()) as batches:
            async for rows in batches:
                for row in rows:
                    try:
                        yield (*[self.check.stored_value(row, place) for place in places], *constants)
                    except UndecodableError:
                        raise value_differs(table, None, "", row, "no such row") from None


def _unkeyed_differs(table: TablePlan, names: list[str], difference: Difference) -> VerificationError:
    place, wanted, found = difference.place, difference.wanted, difference.found
    if place is None or wanted is None or found is None:
        return value_differs(table, None, "", wanted or "no such row", found or "no such row")
    return value_differs(table, wanted, names[place], wanted[place], found[place])
