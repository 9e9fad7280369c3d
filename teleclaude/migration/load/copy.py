"""The load: rows of a table from the copy of the old database into PostgreSQL, by COPY.

COPY needs the driver's own connection, on which SQLAlchemy's transaction runs; nothing else uses it. Every COPY sends a
segment of some megabytes, which is read meanwhile, so that memory does not grow with the table. A value that PostgreSQL
still refuses is found by halves and by the context of the error. It is converted by a rule or its row is rejected, and
the rest of the segment is sent again. Rejected rows are written with their segment.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.load.batches import Batch, Loaded, Source, read_batches
from teleclaude.migration.load.json_text import as_json_string
from teleclaude.migration.load.keys import KeyCheck
from teleclaude.migration.load.pgcopy import HEADER, TRAILER, encode_documents, join_row, read_document, split_row
from teleclaude.migration.load.rejects import REJECT_COLUMNS, create_rejects, encode_reject
from teleclaude.migration.plan.tables import TablePlan, rejects_name
from teleclaude.migration.report.events import Progress
from teleclaude.migration.state.ledger import Entry, Ledger, name_row
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.values.identifiers import LEGACY

_SEGMENT_BYTES = 8 << 20
_PIECE_BYTES = 256 << 10
"""The most that the driver is given at once: a batch, as a rule."""

_REFUSALS = ("22", "54")
"""Classes of errors that are about a value: data exception, limit exceeded (PostgreSQL manual, appendix A)."""

_CONTEXT = re.compile(r"^COPY .+, \S+ \d+(?:, \S+ (.+?))?(?::|$)", re.MULTILINE)
"""Where COPY stopped, in any language of the server: table, line, and the column, which is the group."""


async def _stream(batches: Iterator[Batch], segment: Batch) -> AsyncIterator[bytes]:
    """Yield a segment as COPY takes it; `segment` receives its rows, which are sent again where one is refused.

    PostgreSQL works on one batch while the next is read.
    """
    yield HEADER
    size = 0
    while size < _SEGMENT_BYTES and (batch := next(batches, None)) is not None:
        segment.extend(batch)
        size += sum(map(len, batch.rejects))
        for data in _cut(batch.sent):
            size += len(data)
            yield data
    yield TRAILER


def _cut(rows: Sequence[bytes]) -> Iterator[bytes]:
    """Yield rows in pieces, which the driver copies in memory; small rows, which are the rule, all at once."""
    if sum(map(len, rows)) <= _PIECE_BYTES:
        yield b"".join(rows)
        return
    for row in rows:
        for begin in range(0, len(row), _PIECE_BYTES):
            yield row[begin : begin + _PIECE_BYTES]


async def copy_table(
    connection: AsyncConnection, source: Source, table: TablePlan, loaded: Loaded
) -> AsyncGenerator[Progress, None]:
    """Load a table, and yield after every segment how far it is; `loaded` receives the sums."""
    with closing(KeyCheck(source.reader, table)) as keys:
        batches = read_batches(source, table, keys, loaded)
        while True:
            segment = Batch()
            refusal = await _try_to_send(connection, table, _stream(batches, segment))
            if not segment.raw and not segment.rejects:
                return
            rejects = segment.rejects
            if refusal is not None:
                segment = await _RefusedRows(connection, source.ledger, table, loaded, rejects).send(segment, refusal)
            loaded.rows += len(segment.sent)
            loaded.size += sum(map(len, segment.sent))
            await _write_rejects(connection, table, rejects)
            yield Progress(table.label, loaded.rows + loaded.rejected.total(), table.rows, loaded.size)


async def _try_to_send(
    connection: AsyncConnection, table: TablePlan, data: AsyncIterator[bytes]
) -> asyncpg.PostgresError | None:
    """Send rows. Return the error where PostgreSQL refuses one, and keeps none of them; raises every other error."""
    names = [column.name for column in table.columns] + [name for name, _ in table.constants]
    savepoint = await connection.begin_nested()
    try:
        await _copy(connection, table.schema, table.name, names, data)
    except asyncpg.PostgresError as error:
        await savepoint.rollback()
        if not str(error.sqlstate).startswith(_REFUSALS):
            raise
        return error
    await savepoint.commit()
    return None


async def _copy(
    connection: AsyncConnection, schema: str | None, name: str, columns: Sequence[str], data: AsyncIterator[bytes]
) -> None:
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    await driver.copy_to_table(name, schema_name=schema, columns=columns, source=data, format="binary")


async def _write_rejects(connection: AsyncConnection, table: TablePlan, rejects: Sequence[bytes]) -> None:
    """Add rejected rows to their table, and make the table for the first of them."""
    if rejects:
        await create_rejects(connection, table)
        await _copy(connection, LEGACY, rejects_name(table.source), REJECT_COLUMNS, _whole(rejects))


async def _whole(rows: Sequence[bytes]) -> AsyncIterator[bytes]:
    yield HEADER
    for data in _cut(rows):
        yield data
    yield TRAILER


@dataclass(frozen=True)
class _RefusedRows:
    """Sends rows again that PostgreSQL refused; the row at fault is converted by a rule or rejected."""

    connection: AsyncConnection
    ledger: Ledger
    table: TablePlan
    loaded: Loaded
    rejects: list[bytes]

    async def send(self, rows: Batch, refusal: asyncpg.PostgresError) -> Batch:
        """Send rows half by half, down to the row that is refused alone; return those that were kept."""
        if len(rows.sent) == 1:
            return await self._send_one(rows, refusal)
        kept, middle = Batch(), len(rows.sent) // 2
        for half in (rows.part(0, middle), rows.part(middle)):
            again = await _try_to_send(self.connection, self.table, _whole(half.sent))
            kept.extend(half if again is None else await self.send(half, again))
        return kept

    async def _send_one(self, row: Batch, refusal: asyncpg.PostgresError | None) -> Batch:
        """Send a row with every refused document as a string; reject it where something else is refused."""
        as_strings: set[int] = set()
        while refusal is not None:
            place = _find_column(refusal, self.table)
            if place is None or place in as_strings or self.table.columns[place].type is not ColumnType.DOCUMENT:
                named = "" if place is None else f"{self.table.columns[place].name}: "
                reason = f"{named}refused by PostgreSQL ({refusal.sqlstate})"
                self.rejects.append(encode_reject(self.table, row.positions[0], reason, row.raw[0]))
                self.loaded.rejected[reason] += 1
                return Batch()
            as_strings.add(place)
            self._store_as_string(row, place)
            refusal = await _try_to_send(self.connection, self.table, _whole(row.sent))
        return row

    def _store_as_string(self, row: Batch, place: int) -> None:
        (raw,), fields, column = row.raw, split_row(row.sent[0]), self.table.columns[place]
        stored = as_json_string(read_document(fields[place]))
        fields[place : place + 1] = encode_documents([stored])
        row.sent[0] = join_row(fields)
        key = name_row(self.table.key_of(raw), raw)
        position = row.positions[0]
        self.ledger.write(Entry(self.table.label, key, column.name, "refused_json", raw[place], stored, position))


def _find_column(error: asyncpg.PostgresError, table: TablePlan) -> int | None:
    """Return the place of the column that PostgreSQL names, None where it names none."""
    match = _CONTEXT.search(str(getattr(error, "context", "")))
    names = [column.name for column in table.columns]
    return names.index(match[1]) if match and match[1] in names else None
