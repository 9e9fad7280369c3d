"""The load: rows of a table from the copy of the old database into PostgreSQL, by COPY.

COPY needs the driver's own connection, the one that SQLAlchemy's transaction runs on; this is the one place that uses
it. Every COPY moves a segment of about 8 MB, so that memory does not grow with the table. What PostgreSQL still refuses
is found by the context of its error, changed by a rule or set aside, and the segment is sent again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.coerce import SILENT_RULES, convert_column
from teleclaude.migration.columns import ColumnType
from teleclaude.migration.json_text import as_json_string
from teleclaude.migration.keys import KeyKeeper
from teleclaude.migration.ledger import Entry, Ledger
from teleclaude.migration.report import Progress
from teleclaude.migration.tables import TablePlan

SEGMENT_BYTES = 8 << 20

REFUSALS = ("22", "54")
"""Classes of errors that are about a value: data exception, limit exceeded (PostgreSQL manual, appendix A)."""

CONTEXT = re.compile(r"^COPY .+, \S+ (\d+)(?:, \S+ (.+?))?(?::|$)", re.MULTILINE)
"""Where COPY stopped, in whatever language the server speaks: table, line, column."""

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Row:
    """A row on its way: as the old database holds it, and as it is sent."""

    raw: Values
    sent: list[Any]


@dataclass
class Loaded:
    """What a load did: rows sent, values in the ledger, values changed by a silent rule, rows set aside with why."""

    rows: int = 0
    coerced: int = 0
    silent: Counter[tuple[str, str]] = field(default_factory=Counter)
    set_aside: list[tuple[str, Values]] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """What a load reads from and writes its ledger to; `batch_size` rows are read at a time."""

    reader: Connection
    ledger: Ledger
    batch_size: int


async def copy_table(
    connection: AsyncConnection, source: Source, table: TablePlan, loaded: Loaded
) -> AsyncGenerator[Progress, None]:
    """Load a table, and tell after every segment how far it is; `loaded` receives the sums."""
    rows = read_rows(source, table, loaded)
    while segment := list(take_segment(rows)):
        await _send(connection, source.ledger, table, segment, loaded)
        loaded.rows += len(segment)
        yield Progress(table.label, loaded.rows, table.rows)


def take_segment(rows: Iterator[Row]) -> Iterator[Row]:
    """Take rows up to the size of a segment; at least one."""
    size = 0
    for row in rows:
        yield row
        size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row.sent)
        if size >= SEGMENT_BYTES:
            return


async def _send(
    connection: AsyncConnection, ledger: Ledger, table: TablePlan, segment: list[Row], loaded: Loaded
) -> None:
    """Send a segment; a value that the server refuses is stored as a JSON string, then its row is set aside."""
    refused: set[tuple[int, int]] = set()
    while segment:
        trouble = await _try_to_send(connection, table, segment)
        if trouble is None:
            return
        where = _locate(trouble, table)
        if where is None:
            await _send_halves(connection, ledger, table, segment, loaded, trouble)
            return
        line, place = where
        if (id(segment[line]), place) in refused or table.columns[place].type is not ColumnType.DOCUMENT:
            row = segment.pop(line)
            loaded.set_aside.append((f"{table.columns[place].name}: {_reason(trouble)}", row.raw))
            continue
        refused.add((id(segment[line]), place))
        _store_as_string(ledger, table, segment[line], place, loaded)


async def _try_to_send(
    connection: AsyncConnection, table: TablePlan, segment: list[Row]
) -> asyncpg.PostgresError | None:
    """Send a segment; return what the server refuses of it, when nothing of it is there. Raises other errors."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    names = [column.name for column in table.columns] + [name for name, _ in table.constants]
    savepoint = await connection.begin_nested()
    try:
        records = [row.sent for row in segment]
        await driver.copy_records_to_table(table.name, schema_name=table.schema, columns=names, records=records)
    except asyncpg.PostgresError as error:
        await savepoint.rollback()
        if not str(error.sqlstate).startswith(REFUSALS):
            raise
        return error
    await savepoint.commit()
    return None


async def _send_halves(  # noqa: PLR0913, PLR0917 - a segment, and what it is a part of
    connection: AsyncConnection,
    ledger: Ledger,
    table: TablePlan,
    segment: list[Row],
    loaded: Loaded,
    trouble: asyncpg.PostgresError,
) -> None:
    """Find the row that the server refuses as a whole, of which it names no column, and set it aside."""
    if len(segment) == 1:
        loaded.set_aside.append((_reason(trouble), segment[0].raw))
        return
    middle = len(segment) // 2
    for half in (segment[:middle], segment[middle:]):
        await _send(connection, ledger, table, half, loaded)


def _locate(error: asyncpg.PostgresError, table: TablePlan) -> tuple[int, int] | None:
    """Return the row of the segment and the column that the server names, None where it names none."""
    match = CONTEXT.search(str(getattr(error, "context", "")))
    names = [column.name for column in table.columns]
    if match is None or match[2] not in names:
        return None
    return int(match[1]) - 1, names.index(match[2])


def _reason(error: asyncpg.PostgresError) -> str:
    return f"refused by PostgreSQL ({error.sqlstate})"


def _store_as_string(ledger: Ledger, table: TablePlan, row: Row, place: int, loaded: Loaded) -> None:
    row.sent[place] = as_json_string(str(row.sent[place]))
    column = table.columns[place].name
    entry = Entry(table.label, table.key_of(row.raw), column, "refused_json", row.raw[place], row.sent[place])
    ledger.write(entry)
    loaded.coerced += 1


def read_rows(source: Source, table: TablePlan, loaded: Loaded) -> Iterator[Row]:
    """Yield the rows of a table as PostgreSQL takes them; what had to be changed goes to the ledger.

    A row whose key cannot be held is set aside.
    """
    result = source.reader.exec_driver_sql(table.select)
    constants = [value for _, value in table.constants]
    keeper = KeyKeeper(source.reader, table)
    while batch := result.fetchmany(source.batch_size):
        columns = [list(values) for values in zip(*batch, strict=True)]
        changed: set[int] = set()
        converted = [_convert(source.ledger, table, columns, place, loaded, changed) for place in range(len(columns))]
        for index, values in enumerate(zip(*converted, strict=True)):
            reason = keeper.refuse(values, index in changed)
            if reason is None:
                yield Row(tuple(batch[index]), [*values, *constants])
            else:
                loaded.set_aside.append((reason, tuple(batch[index])))


def _convert(  # noqa: PLR0913, PLR0917 - a batch and its two tallies
    ledger: Ledger, table: TablePlan, columns: list[list[Any]], place: int, loaded: Loaded, changed_keys: set[int]
) -> list[Any]:
    column = table.columns[place]
    stored, changes = convert_column(
        columns[place], column.type, nullable=column.nullable, default=column.default, context=column.context
    )
    for change in changes:
        rule, index = change.coerced.rule, change.index
        if rule in SILENT_RULES:
            loaded.silent[column.name, rule] += 1
            continue
        if column.name in table.key:
            changed_keys.add(index)
        key = table.key_of([values[index] for values in columns])
        ledger.write(Entry(table.label, key, column.name, rule, columns[place][index], stored[index]))
        loaded.coerced += 1
    return stored
