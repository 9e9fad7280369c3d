"""The private copies of the old databases, opened read-only."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from operator import length_hint
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DataError

from teleclaude.db.engine import make_reader
from teleclaude.errors import SourceError
from teleclaude.migration.source import problems
from teleclaude.migration.source.installation import SourceDatabase
from teleclaude.migration.source.json_member import FUNCTION, read_member

BATCH_SIZE = 1 << 20
"""Characters and bytes at which a batch ends, however few its rows."""

_FUNCTIONS = {FUNCTION: read_member}
"""The functions that `old_schema` needs besides SQLite's own."""


@dataclass(frozen=True)
class Sources:
    """The open copies."""

    main: Connection
    events: Connection | None = None

    def of(self, events: bool) -> Connection:
        """Return the copy of events.db, or that of the main database."""
        if not events:
            return self.main
        assert self.events is not None
        return self.events


@contextmanager
def reading(databases: Sequence[SourceDatabase]) -> Iterator[Sources]:
    """Open the private copies of the old databases, the main one first, read-only.

    The objects that exist are left out of the search for garbage, which otherwise takes a quarter of a verification.
    """
    with ExitStack() as stack:
        gc.freeze()
        stack.callback(gc.unfreeze)
        engines = [make_reader(database.copy, _FUNCTIONS, database.collations) for database in databases]
        for engine in engines:
            stack.callback(engine.dispose)
        yield Sources(*(stack.enter_context(engine.connect()) for engine in engines))


@contextmanager
def naming_large(table: str) -> Iterator[None]:
    """Raise SourceError that names the table where a value is larger than memory or than SQLite's limit.

    A generated column makes hundreds of megabytes of a few bytes.
    """
    try:
        yield
    except MemoryError:
        raise SourceError(problems.VALUE_TOO_LARGE.fill(table=table)) from None
    except (sqlite3.DataError, DataError) as error:
        # SQLite's words for SQLITE_TOOBIG (SQLite manual, result codes).
        if "too big" not in str(error):
            raise
        raise SourceError(problems.VALUE_TOO_LARGE.fill(table=table)) from None


def read_rows(reader: Connection, query: str, most: int, size: int) -> Iterator[list[Sequence[Any]]]:
    """Yield batches of up to `most` rows; a batch also ends with the row that brings it to `size` characters and bytes.

    Until the first text that is not UTF-8 the driver decodes texts itself, which takes half the time.
    """
    cursor = _execute(reader, query)
    read_text = cursor.connection.text_factory
    make_text, done = str, 0
    while True:
        try:
            batch = _fetch(cursor, make_text, most, size)
        except sqlite3.OperationalError:
            if make_text is read_text:
                raise
            make_text, cursor = read_text, _execute(reader, query)
            # No manual defines a cursor after an error, so a new one skips the rows that were read.
            next(islice(cursor, done, done), None)
            continue
        if not batch:
            return
        done += len(batch)
        yield batch
        # These rows must leave memory before the next ones are read.
        del batch


def _execute(reader: Connection, query: str) -> sqlite3.Cursor:
    # The driver's own cursor, because rows of SQLAlchemy take a third more time.
    cursor: Any = reader.exec_driver_sql(query).cursor
    assert isinstance(cursor, sqlite3.Cursor)
    return cursor


def _fetch(cursor: sqlite3.Cursor, make_text: Callable[[bytes], str], most: int, size: int) -> list[Sequence[Any]]:
    """Return the next rows; raises sqlite3.OperationalError where `make_text` refuses a text."""
    connection, batch, left = cursor.connection, list[Sequence[Any]](), size
    usual, connection.text_factory = connection.text_factory, make_text
    try:
        for row in cursor:
            batch.append(row)
            # The length of texts and BLOBs, 0 of other values; this runs once for every value of the database.
            left -= sum(map(length_hint, row))
            if left <= 0 or len(batch) == most:
                break
        return batch
    finally:
        # Other queries of this connection run between two batches.
        connection.text_factory = usual
