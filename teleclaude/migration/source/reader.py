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

from teleclaude.db.engine import make_reader
from teleclaude.migration.source.inventory import SourceDatabase
from teleclaude.migration.source.json_member import FUNCTION, read_member

BATCH_SIZE = 1 << 20
"""A batch that holds so many characters and bytes is large enough, however few its rows."""

FUNCTIONS = {FUNCTION: read_member}
"""What the expressions of `shapes` need besides SQLite's own functions."""


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

    What is there by now is left out of the search for garbage, which takes a quarter of the time of a proof otherwise.
    """
    with ExitStack() as stack:
        gc.freeze()
        stack.callback(gc.unfreeze)
        engines = [make_reader(database.copy, FUNCTIONS) for database in databases]
        for engine in engines:
            stack.callback(engine.dispose)
        yield Sources(*(stack.enter_context(engine.connect()) for engine in engines))


def read_rows(reader: Connection, query: str, most: int, size: int) -> Iterator[list[Sequence[Any]]]:
    """Yield rows, up to `most` at a time, and fewer where they hold `size` characters and bytes or more together.

    Up to the first text that is no UTF-8 the driver makes texts by itself, in half the time that `make_reader` takes.
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
            # What a cursor does after an error is nowhere said, so the rows are counted off from the first one.
            next(islice(cursor, done, done), None)
            continue
        if not batch:
            return
        done += len(batch)
        yield batch
        # Nothing of these rows may stay in memory while others are read.
        del batch


def _execute(reader: Connection, query: str) -> sqlite3.Cursor:
    # The driver's own cursor, because making rows of SQLAlchemy's takes a third more time.
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
            # The length of texts and BLOBs, zero of the rest; this runs once for every value of the database.
            left -= sum(map(length_hint, row))
            if left <= 0 or len(batch) == most:
                break
        return batch
    finally:
        # Other queries of the same connection read in between.
        connection.text_factory = usual
