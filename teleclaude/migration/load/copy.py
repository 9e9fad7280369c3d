"""The load: rows of a table from the copy of the old database into PostgreSQL, by COPY.

COPY needs the driver's own connection, the one that SQLAlchemy's transaction runs on; this is the one place that uses
it. Every COPY moves a segment of some megabytes, read while it is sent, so that memory does not grow with the table.
What PostgreSQL still refuses is found by the context of its error, converted by a rule or rejected, and the segment is
sent again. Rejected rows are written with their segment.
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
from teleclaude.migration.load.keys import KeyKeeper
from teleclaude.migration.load.pgcopy import HEADER, TRAILER, encode_documents, join_row, read_document, split_row
from teleclaude.migration.load.rejects import REJECT_COLUMNS, create_rejects, encode_reject
from teleclaude.migration.plan.tables import TablePlan, rejects_name
from teleclaude.migration.report.events import Progress
from teleclaude.migration.state.ledger import Entry, Ledger
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.values.identifiers import LEGACY

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
        segment.extend(batch)
        size += sum(map(len, batch.rejects))
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
    with closing(KeyKeeper(source.reader, table)) as keeper:
        batches = read_batches(source, table, keeper, loaded)
        while True:
            segment = Batch()
            trouble = await _try_to_send(connection, table, _stream(batches, segment))
            if not segment.raw and not segment.rejects:
                return
            if trouble is not None:
                await _Resend(connection, source.ledger, table, loaded, segment.rejects).send(segment, trouble)
            loaded.rows += len(segment.sent)
            loaded.size += sum(map(len, segment.sent))
            await _write_rejects(connection, table, segment.rejects)
            yield Progress(table.label, loaded.rows + loaded.rejected.total(), table.rows, loaded.size)


async def _try_to_send(
    connection: AsyncConnection, table: TablePlan, data: AsyncIterator[bytes]
) -> asyncpg.PostgresError | None:
    """Send a segment; return what the server refuses of it, when nothing of it is there. Raises other errors."""
    names = [column.name for column in table.columns] + [name for name, _ in table.constants]
    savepoint = await connection.begin_nested()
    try:
        await _copy(connection, table.schema, table.name, names, data)
    except asyncpg.PostgresError as error:
        await savepoint.rollback()
        if not str(error.sqlstate).startswith(REFUSALS):
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
    """Add rejected rows to their table, which is made for the first of them."""
    if rejects:
        await create_rejects(connection, table)
        await _copy(connection, LEGACY, rejects_name(table.source), REJECT_COLUMNS, _whole(rejects))


async def _whole(rows: Sequence[bytes]) -> AsyncIterator[bytes]:
    yield HEADER
    for data in _cut(rows):
        yield data
    yield TRAILER


@dataclass(frozen=True)
class _Resend:
    """Sends rows again of which the server refused one; it is converted by a rule, or rejected."""

    connection: AsyncConnection
    ledger: Ledger
    table: TablePlan
    loaded: Loaded
    rejects: list[bytes]

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
            row = rows.positions[line]
            if (row, place) in as_strings or self.table.columns[place].type is not ColumnType.DOCUMENT:
                self._reject(rows, line, f"{self.table.columns[place].name}: {_reason(trouble)}")
            else:
                as_strings.add((row, place))
                self._store_as_string(rows, line, place)
            rest = rows.sent[begin:]
            trouble = await _try_to_send(self.connection, self.table, _whole(rest)) if rest else None

    async def _send_part(self, rows: Batch, begin: int, end: int) -> int:
        """Send some of the rows, and return where those of them end that are kept."""
        part = rows.part(begin, end)
        if part.sent:
            await self.send(part, await _try_to_send(self.connection, self.table, _whole(part.sent)))
        rows.positions[begin:end], rows.raw[begin:end], rows.sent[begin:end] = part.positions, part.raw, part.sent
        return begin + len(part.sent)

    async def _send_halves(self, rows: Batch, begin: int, reason: str) -> None:
        """Find the row that the server refuses as a whole, of which it names no column, and reject it."""
        if len(rows.sent) - begin == 1:
            self._reject(rows, begin, reason)
            return
        middle = await self._send_part(rows, begin, (begin + len(rows.sent)) // 2)
        await self._send_part(rows, middle, len(rows.sent))

    def _reject(self, rows: Batch, line: int, reason: str) -> None:
        del rows.sent[line]
        self.rejects.append(encode_reject(self.table, rows.positions.pop(line), reason, rows.raw.pop(line)))
        self.loaded.rejected[reason] += 1

    def _store_as_string(self, rows: Batch, line: int, place: int) -> None:
        raw, fields, column = rows.raw[line], split_row(rows.sent[line]), self.table.columns[place]
        stored = as_json_string(read_document(fields[place]))
        fields[place : place + 1] = encode_documents([stored])
        rows.sent[line] = join_row(fields)
        key = self.table.key_of(raw)
        self.ledger.write(Entry(self.table.label, key, column.name, "refused_json", raw[place], stored))
        self.loaded.converted += 1


def _locate(error: asyncpg.PostgresError, table: TablePlan) -> tuple[int, int] | None:
    """Return the row of the segment and the column that the server names, None where it names none."""
    match = CONTEXT.search(str(getattr(error, "context", "")))
    names = [column.name for column in table.columns]
    if match is None or match[2] not in names:
        return None
    return int(match[1]) - 1, names.index(match[2])


def _reason(error: asyncpg.PostgresError) -> str:
    return f"refused by PostgreSQL ({error.sqlstate})"
