"""The verification: every value is read back from PostgreSQL and compared with the copy of the old database.

Values are decoded by `decode`, never by the converter. Only a ledger line with this original and this stored value
allows a difference. Once the new system is used, what the daemon writes is allowed to differ as well, and counted.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.daemon.writes import NOTHING
from teleclaude.db.store.idle import DONE_ALONE
from teleclaude.errors import VerificationError
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.report.events import Progress, TableResult, TableUse
from teleclaude.migration.source.reader import BATCH_SIZE, read_rows
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.values.identifiers import quote
from teleclaude.migration.verify.decode import UndecodableError
from teleclaude.migration.verify.fast_path import find_doubtful
from teleclaude.migration.verify.ledger_check import LedgerCheck
from teleclaude.migration.verify.mismatch import Words, number_differs, value_differs
from teleclaude.migration.verify.read_back import Row, Target, look_up, read_all_back
from teleclaude.migration.verify.rejects import count_rejects, without_rejects
from teleclaude.migration.verify.unkeyed import Difference, find_difference


async def verify_table(
    connection: AsyncConnection, reader: Connection, check: LedgerCheck, batch_size: int
) -> AsyncGenerator[Progress | TableResult | TableUse, None]:
    """Compare a whole table, and yield how far it is, at last the result, whose seconds are for the caller to measure.

    Where the check lets the daemon write, the number of rows that it wrote comes before the result. Raises
    VerificationError at the first other value that differs and that no ledger line allows, where rows are missing or
    too many, and where two rows of the source are one in PostgreSQL.
    """
    target, table, writes = Target(connection), check.table, check.writes
    rejects = await count_rejects(target, table)
    ((rows,),) = await target.fetch(f"SELECT count(*) FROM {table.sql_name}")  # noqa: S608
    if (rows + rejects > table.rows and not writes.adds) or (rows + rejects < table.rows and not writes.removes):
        raise number_differs(table, rows + rejects)
    comparison = _Comparison(check, target, reader, batch_size)
    if table.key:
        compared = 0
        async with (
            aclosing(comparison.read()) as wanted,
            aclosing(look_up(target, wanted, check, comparison.compare)) as batches,
        ):
            async for number in batches:
                compared += number
                yield Progress(table.label, compared, table.rows)
        await comparison.check_keys()
        if writes != NOTHING and (use := await comparison.find_use(rows, table.rows - rejects)).rows:
            yield use
    else:
        await comparison.compare_unkeyed()
    converted = check.ledger.entries.get(table.label, 0)
    yield TableResult(table.label, table.rows, rows, rejects, comparison.values, converted, seconds=0.0)


async def count_alone(target: Target, table: str) -> int:
    """Return how many rows of a table only `close_idle` has changed or added since the migration."""
    if table not in DONE_ALONE:
        return 0
    ((rows,),) = await target.fetch(f"SELECT count(*) FROM {quote(table)} WHERE {DONE_ALONE[table]}")  # noqa: S608
    return int(rows)


@dataclass
class _Comparison:
    """Compares the rows of a table, `batch_size` at most at a time, and counts the values."""

    check: LedgerCheck
    target: Target
    reader: Connection
    batch_size: int
    values: int = 0
    """The values that are equal."""
    rows: int = 0
    """The rows of the source that PostgreSQL holds."""
    changed: int = 0
    """Those of them in which only values differ that the daemon writes."""
    largest: int | None = None
    """The largest number that is the key of one of them."""
    keys_changed: bool = False
    """Whether PostgreSQL holds a key otherwise than the source, so that it may be another row's as well."""

    def read(self) -> AsyncGenerator[list[Row], None]:
        """Yield the rows of the source that were not rejected; raises VerificationError as `without_rejects` does."""
        rows = read_rows(self.reader, self.check.table.select, self.batch_size, BATCH_SIZE)
        return without_rejects(self.target, self.check.table, rows)

    async def compare(self, rows: list[Row], found: list[Row]) -> None:
        """Compare rows column by column; only what does not evidently mean the same is looked at value by value."""
        if not rows:
            return
        table, changed = self.check.table, set()
        stored = list(zip(*found, strict=True))
        for place, (column, raw) in enumerate(zip(table.columns, zip(*rows, strict=True), strict=True)):
            for index in find_doubtful(column, raw, stored[place]):
                found_value = stored[place][index]
                if await self.check.allows(rows[index], place, found_value, self.target.is_same_json):
                    continue
                if column.name not in self.check.writes.changes:
                    raise value_differs(table, table.key_of(rows[index]), column.name, raw[index], found_value)
                changed.add(index)
                self.values -= 1
            self.keys_changed |= column.name in table.key and raw != stored[place]
            self.values += len(raw)
        self._count(stored, len(rows), len(changed))
        for (name, value), values in zip(table.constants, stored[len(table.columns) :], strict=True):
            for row, one in zip(rows, values, strict=True):
                if one != value:
                    raise value_differs(table, table.key_of(row), name, value, one)
            self.values += len(values)

    def _count(self, stored: Sequence[Row], rows: int, changed: int) -> None:
        self.rows, self.changed = self.rows + rows, self.changed + changed
        for place, column in enumerate(self.check.table.columns):
            if (column.name,) == self.check.table.key and column.type is ColumnType.INTEGER:
                self.largest = max(*stored[place], self.largest or stored[place][0])

    async def find_use(self, rows: int, migrated: int) -> TableUse:
        """Return what use has changed, of a table that holds so many rows, and held so many that were migrated.

        Raises VerificationError where a row that the source lacks has a number that the daemon would not give it.
        """
        table, strange = self.check.table, 0 if self.check.writes.adds else rows - self.rows
        if self.largest is not None and self.check.writes.adds:
            older = f"SELECT count(*) FROM {table.sql_name} WHERE {quote(table.key[0])} <= $1"  # noqa: S608
            ((found,),) = await self.target.fetch(older, (self.largest,))
            strange = found - self.rows
        if strange:
            raise value_differs(table, None, "", Words("no such row"), Words(f"{strange} that the daemon did not add"))
        alone = await count_alone(self.target, table.label)
        # What happens to a table by itself changes its rows, or adds some where no row is ever changed.
        changed = alone if self.check.writes.changes else 0
        added = rows - self.rows - (alone - changed)
        return TableUse(table.label, added, migrated - self.rows, self.changed - changed, alone)

    async def check_keys(self) -> None:
        """Check that no two rows of the source are one in PostgreSQL, while a foreign row keeps the number right.

        Keys that SQLite itself kept unique, and that arrived as they are, are as many as the rows.
        """
        table = self.check.table
        if table.unique_key and not self.keys_changed:
            return
        outcome = await self._find_difference(table.key)
        if isinstance(outcome, Difference) and outcome.wanted is not None and not self.check.writes.removes:
            raise value_differs(table, outcome.wanted, "", Words("two such rows"), Words("one"))
        if isinstance(outcome, Difference) and outcome.found is not None and not self.check.writes.adds:
            raise value_differs(table, outcome.found, "", Words("no such row"), Words("a row"))

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
                        raise value_differs(table, None, "", row, Words("no such row")) from None


def _unkeyed_differs(table: TablePlan, names: list[str], difference: Difference) -> VerificationError:
    place, wanted, found = difference.place, difference.wanted, difference.found
    if place is None or wanted is None or found is None:
        return value_differs(table, None, "", wanted or Words("no such row"), found or Words("no such row"))
    return value_differs(table, wanted, names[place], wanted[place], found[place])
