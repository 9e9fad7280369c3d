"""The load: rows of a table from the copy of the old database into PostgreSQL, by COPY.

COPY needs the driver's own connection, the one that SQLAlchemy's transaction runs on; this is the one place that uses
it. Every COPY moves a segment of some megabytes, read while it is sent, so that memory does not grow with the table.
What PostgreSQL still refuses is found by the context of its error, changed by a rule or set aside, and the segment is
sent again.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.batches import Batch, Loaded, Source, read_batches
from teleclaude.migration.columns import ColumnType
from teleclaude.migration.encode import HEADER, TRAILER, encode_documents, join_row, read_document, split_row
from teleclaude.migration.json_text import as_json_string
from teleclaude.migration.ledger import Entry, Ledger
from teleclaude.migration.report import Progress
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
            await _send_again(connection, source.ledger, table, segment, loaded, trouble)
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


async def _send_again(  # noqa: PLR0913, PLR0917 - a segment, and what is the matter with it
    connection: AsyncConnection,
    ledger: Ledger,
    table: TablePlan,
    segment: Batch,
    loaded: Loaded,
    trouble: asyncpg.PostgresError | None,
) -> None:
    """Send a refused segment; a value that the server refuses is stored as a JSON string, then its row is set aside."""
    mended: set[tuple[int, int]] = set()
    while trouble is not None:
        where = _locate(trouble, table)
        if where is None:
            await _send_halves(connection, ledger, table, segment, loaded, trouble)
            return
        line, place = where
        row = id(segment.raw[line])
        if (row, place) in mended or table.columns[place].type is not ColumnType.DOCUMENT:
            _set_aside(segment, line, f"{table.columns[place].name}: {_reason(trouble)}", loaded)
        else:
            mended.add((row, place))
            _store_as_string(ledger, table, segment, line, place, loaded)
        trouble = await _try_to_send(connection, table, _whole(segment)) if segment.sent else None


async def _send_halves(  # noqa: PLR0913, PLR0917 - a segment, and what is the matter with it
    connection: AsyncConnection,
    ledger: Ledger,
    table: TablePlan,
    segment: Batch,
    loaded: Loaded,
    trouble: asyncpg.PostgresError,
) -> None:
    """Find the row that the server refuses as a whole, of which it names no column, and set it aside."""
    if len(segment.sent) == 1:
        _set_aside(segment, 0, _reason(trouble), loaded)
        return
    middle = len(segment.sent) // 2
    halves = [Batch(segment.raw[part], segment.sent[part]) for part in (slice(middle), slice(middle, None))]
    for half in halves:
        refused = await _try_to_send(connection, table, _whole(half))
        await _send_again(connection, ledger, table, half, loaded, refused)
    segment.sent[:] = [row for half in halves for row in half.sent]


def _locate(error: asyncpg.PostgresError, table: TablePlan) -> tuple[int, int] | None:
    """Return the row of the segment and the column that the server names, None where it names none."""
    match = CONTEXT.search(str(getattr(error, "context", "")))
    names = [column.name for column in table.columns]
    if match is None or match[2] not in names:
        return None
    return int(match[1]) - 1, names.index(match[2])


def _reason(error: asyncpg.PostgresError) -> str:
    return f"refused by PostgreSQL ({error.sqlstate})"


def _set_aside(segment: Batch, line: int, reason: str, loaded: Loaded) -> None:
    del segment.sent[line]
    loaded.set_aside.append((reason, tuple(segment.raw.pop(line))))


def _store_as_string(  # noqa: PLR0913, PLR0917 - one value, and where it stands
    ledger: Ledger, table: TablePlan, segment: Batch, line: int, place: int, loaded: Loaded
) -> None:
    raw, fields = segment.raw[line], split_row(segment.sent[line])
    stored = as_json_string(read_document(fields[place]))
    fields[place : place + 1] = encode_documents([stored])
    segment.sent[line] = join_row(fields)
    ledger.write(Entry(table.label, table.key_of(raw), table.columns[place].name, "refused_json", raw[place], stored))
    loaded.coerced += 1
