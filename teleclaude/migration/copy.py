"""The load: rows of a table from the copy of the old database into PostgreSQL, by COPY.

COPY needs the driver's own connection, the one that SQLAlchemy's transaction runs on; this is the one place that uses
it. Every COPY moves a segment of some megabytes, read while it is sent, so that memory does not grow with the table.
What PostgreSQL still refuses is found by the context of its error, changed by a rule or set aside, and the segment is
sent again.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.batches import Batch, Loaded, Source, read_batches
from teleclaude.migration.columns import ColumnType
from teleclaude.migration.encode import HEADER, TRAILER, encode_documents, join_row, read_document, split_row
from teleclaude.migration.events import Progress
from teleclaude.migration.json_text import as_json_string
from teleclaude.migration.ledger import Entry, Ledger
from teleclaude.migration.tables import TablePlan

SEGMENT_BYTES = 8 << 20
PIECE_BYTES = 256 << 10
"""What is handed to the driver at once: a batch, as a rule."""

REFUSALS = ("22", "54")
"""Classes of errors that are about a value: data exception, limit exceeded (PostgreSQL manual, appendix A)."""

CONTEXT = re.compile(r"^COPY .+, \S+ (\d+)(?:, \S+ (.+?))?(?::|$)", re.MULTILINE)
"""Where COPY stopped, in whatever language the server speaks: table, line, column."""


async def _stream(batches: Iterator[Batch], segment: Batch) -> AsyncIterator[bytes]:
    """Yield what COPY takes, up to the size of a segment; `segment` keeps the rows, in case one is refused.

    PostgreSQL is busy with what was sent while the next batch is read.
    """
    yield HEADER
    size = 0
    while size < SEGMENT_BYTES and (batch := next(batches, None)) is not None:
        segment.raw.extend(batch.raw)
        segment.sent.extend(batch.sent)
        for data in _cut(batch.sent):
            size += len(data)
            yield data
    yield TRAILER


def _cut(rows: Sequence[bytes]) -> Iterator[bytes]:
    """Yield rows in pieces that the driver can copy without harm; small ones, which are the rule, all at once."""
    if sum(map(len, rows)) <= PIECE_BYTES:
        yield b"".join(rows)
        return
    for row in rows:
        for begin in range(0, len(row), PIECE_BYTES):
            yield row[begin : begin + PIECE_BYTES]


async def copy_table(
    connection: AsyncConnection, source: Source, table: TablePlan, loaded: Loaded
) -> AsyncGenerator[Progress, None]:
    """Load a table, and tell after every segment how far it is; `loaded` receives the sums."""
    batches = read_batches(source, table, loaded)
    while True:
        segment = Batch()
        trouble = await _try_to_send(connection, table, _stream(batches, segment))
        if not segment.raw:
            return
        if trouble is not None:
            await _Mending(connection, source.ledger, table, loaded).send(segment, trouble)
        loaded.rows += len(segment.sent)
        loaded.size += sum(map(len, segment.sent))
        yield Progress(table.label, loaded.rows, table.rows, loaded.size)


async def _try_to_send(
    connection: AsyncConnection, table: TablePlan, data: AsyncIterator[bytes]
) -> asyncpg.PostgresError | None:
    """Send a segment; return what the server refuses of it, when nothing of it is there. Raises other errors."""
    driver = (await connection.get_raw_connection()).driver_connection
    assert driver is not None
    names = [column.name for column in table.columns] + [name for name, _ in table.constants]
    savepoint = await connection.begin_nested()
    try:
        await driver.copy_to_table(table.name, schema_name=table.schema, columns=names, source=data, format="binary")
    except asyncpg.PostgresError as error:
        await savepoint.rollback()
        if not str(error.sqlstate).startswith(REFUSALS):
            raise
        return error
    await savepoint.commit()
    return None


async def _whole(segment: Batch) -> AsyncIterator[bytes]:
    yield HEADER
    for row in segment.sent:
        yield row
    yield TRAILER


@dataclass(frozen=True)
class _Mending:
    """Sends rows again of which the server refused one; it is changed by a rule, or set aside."""

    connection: AsyncConnection
    ledger: Ledger
    table: TablePlan
    loaded: Loaded

    async def send(self, rows: Batch, trouble: asyncpg.PostgresError | None) -> None:
        """Send rows until none is refused, each but twice: those before a refused one are good, and sent alone."""
        as_strings: set[tuple[int, int]] = set()
        begin = 0
        while trouble is not None:
            where = _locate(trouble, self.table)
            if where is None:
                await self._send_halves(rows, begin, _reason(trouble))
                return
            line, place = begin + where[0], where[1]
            line = begin = await self._send_part(rows, begin, line)
            row = id(rows.raw[line])
            if (row, place) in as_strings or self.table.columns[place].type is not ColumnType.DOCUMENT:
                self._set_aside(rows, line, f"{self.table.columns[place].name}: {_reason(trouble)}")
            else:
                as_strings.add((row, place))
                self._store_as_string(rows, line, place)
            rest = Batch(rows.raw[begin:], rows.sent[begin:])
            trouble = await _try_to_send(self.connection, self.table, _whole(rest)) if rest.sent else None

    async def _send_part(self, rows: Batch, begin: int, end: int) -> int:
        """Send some of the rows, and return where those of them end that are kept."""
        part = Batch(rows.raw[begin:end], rows.sent[begin:end])
        if part.sent:
            await self.send(part, await _try_to_send(self.connection, self.table, _whole(part)))
        rows.raw[begin:end], rows.sent[begin:end] = part.raw, part.sent
        return begin + len(part.sent)

    async def _send_halves(self, rows: Batch, begin: int, reason: str) -> None:
        """Find the row that the server refuses as a whole, of which it names no column, and set it aside."""
        if len(rows.sent) - begin == 1:
            self._set_aside(rows, begin, reason)
            return
        middle = await self._send_part(rows, begin, (begin + len(rows.sent)) // 2)
        await self._send_part(rows, middle, len(rows.sent))

    def _set_aside(self, rows: Batch, line: int, reason: str) -> None:
        del rows.sent[line]
        self.loaded.set_aside.append((reason, tuple(rows.raw.pop(line))))

    def _store_as_string(self, rows: Batch, line: int, place: int) -> None:
        raw, fields, column = rows.raw[line], split_row(rows.sent[line]), self.table.columns[place]
        stored = as_json_string(read_document(fields[place]))
        fields[place : place + 1] = encode_documents([stored])
        rows.sent[line] = join_row(fields)
        key = self.table.key_of(raw)
        self.ledger.write(Entry(self.table.label, key, column.name, "refused_json", raw[place], stored))
        self.loaded.coerced += 1


def _locate(error: asyncpg.PostgresError, table: TablePlan) -> tuple[int, int] | None:
    """Return the row of the segment and the column that the server names, None where it names none."""
    match = CONTEXT.search(str(getattr(error, "context", "")))
    names = [column.name for column in table.columns]
    if match is None or match[2] not in names:
        return None
    return int(match[1]) - 1, names.index(match[2])


def _reason(error: asyncpg.PostgresError) -> str:
    return f"refused by PostgreSQL ({error.sqlstate})"
