"""The load: rows of a table from the copy of the old database into PostgreSQL, by COPY.

COPY needs the driver's own connection, the one that SQLAlchemy's transaction runs on; this is the one place that uses
it. Every COPY moves a segment of about 8 MB, so that memory does not grow with the table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.coerce import SILENT_RULES, convert_column
from teleclaude.migration.ledger import Entry, Ledger
from teleclaude.migration.report import Progress
from teleclaude.migration.tables import TablePlan

SEGMENT_BYTES = 8 << 20

Row = tuple[Any, ...]


@dataclass
class Loaded:
    """What a load did: rows sent, values listed in the ledger, and values changed by a silent rule, by column."""

    rows: int = 0
    coerced: int = 0
    silent: Counter[tuple[str, str]] = field(default_factory=Counter)


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
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    names = [column.name for column in table.columns] + [name for name, _ in table.constants]
    rows = read_rows(source, table, loaded)
    while segment := list(take_segment(rows)):
        await driver.copy_records_to_table(table.name, schema_name=table.schema, columns=names, records=segment)
        loaded.rows += len(segment)
        yield Progress(table.label, loaded.rows, table.rows)


def take_segment(rows: Iterator[Row]) -> Iterator[Row]:
    """Take rows up to the size of a segment; at least one."""
    size = 0
    for row in rows:
        yield row
        size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
        if size >= SEGMENT_BYTES:
            return


def read_rows(source: Source, table: TablePlan, loaded: Loaded) -> Iterator[Row]:
    """Yield the rows of a table as PostgreSQL takes them; what had to be changed goes to the ledger."""
    result = source.reader.exec_driver_sql(table.select)
    constants = tuple(value for _, value in table.constants)
    while batch := result.fetchmany(source.batch_size):
        columns = [list(values) for values in zip(*batch, strict=True)]
        converted = [_convert(source.ledger, table, columns, place, loaded) for place in range(len(columns))]
        yield from (row + constants for row in zip(*converted, strict=True))


def _convert(ledger: Ledger, table: TablePlan, columns: list[list[Any]], place: int, loaded: Loaded) -> list[Any]:
    column = table.columns[place]
    stored, changes = convert_column(
        columns[place], column.type, nullable=column.nullable, default=column.default, context=column.context
    )
    keys = [index for index, other in enumerate(table.columns) if other.name in table.key]
    for change in changes:
        rule = change.coerced.rule
        if rule in SILENT_RULES:
            loaded.silent[column.name, rule] += 1
            continue
        key = tuple(columns[index][change.index] for index in keys)
        ledger.write(Entry(table.label, key, column.name, rule, columns[place][change.index], stored[change.index]))
        loaded.coerced += 1
    return stored
