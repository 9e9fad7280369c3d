"""The load: rows of a table from the copy of the old database into PostgreSQL, by COPY.

COPY needs the driver's own connection, the one that SQLAlchemy's transaction runs on; this is the one place that uses
it. Every COPY moves a segment of some megabytes, read while it is sent, so that memory does not grow with the table.
What PostgreSQL still refuses is found by the context of its error, changed by a rule or set aside, and the segment is
sent again.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass

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

REFUSALS = ("22", "54")
"""Classes of errors that are about a value: data exception, limit exceeded (PostgreSQL manual, appendix A)."""

CONTEXT = re.compile(r"^COPY .+, \S+ (\d+)(?:, \S+ (.+?))?(?::|$)", re.MULTILINE)
"""Where COPY stopped, in whatever language the server speaks: table, line, column."""


@dataclass
class Queue:
    """The batches of a table that are still to be sent, the next of them read ahead."""

    batches: Iterator[Batch]
    ahead: Batch | None = None

    def __post_init__(self) -> None:
        self.advance()

    def advance(self) -> None:
        """Read one batch more."""
        self.ahead = next(self.batches, None)

    async def stream(self, segment: Batch) -> AsyncIterator[bytes]:
        """Yield what COPY takes, up to the size of a segment; `segment` keeps the rows, in case one is refused."""
        yield HEADER
        size = 0
        while self.ahead is not None and size < SEGMENT_BYTES:
            segment.raw.extend(self.ahead.raw)
            segment.sent.extend(self.ahead.sent)
            data = b"".join(self.ahead.sent)
            size += len(data)
            yield data
            # PostgreSQL is busy with what was sent.
            self.advance()
        yield TRAILER


async def copy_table(
    connection: AsyncConnection, source: Source, table: TablePlan, loaded: Loaded
) -> AsyncGenerator[Progress, None]:
    """Load a table, and tell after every segment how far it is; `loaded` receives the sums."""
    queue = Queue(read_batches(source, table, loaded))
    while queue.ahead is not None:
        segment = Batch()
        trouble = await _try_to_send(connection, table, queue.stream(segment))
        if trouble is not None:
            await _send_again(connection, source.ledger, table, segment, loaded, trouble)
        loaded.rows += len(segment.sent)
        yield Progress(table.label, loaded.rows, table.rows)


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
