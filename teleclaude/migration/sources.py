"""The private copies of the old databases, opened read-only."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from teleclaude.db.engine import make_reader
from teleclaude.migration.json_member import FUNCTION, read_member
from teleclaude.migration.plan import Plan
from teleclaude.migration.tables import TablePlan

BATCH_SIZE = 1 << 20
"""A batch that holds so many characters and bytes is large enough, however few its rows."""

FUNCTIONS = {FUNCTION: read_member}
"""What the expressions of `shapes` need besides SQLite's own functions."""


@dataclass(frozen=True)
class Sources:
    """The open copies."""

    main: Connection
    events: Connection | None = None

    def of(self, table: TablePlan) -> Connection:
        """Return the copy that holds the rows of a table."""
        if not table.from_events:
            return self.main
        assert self.events is not None
        return self.events


@contextmanager
def reading(plan: Plan) -> Iterator[Sources]:
    """Open the private copies of the old databases, read-only.

    What is there by now is left out of the search for garbage, which takes a quarter of the time of a proof otherwise.
    """
    with ExitStack() as stack:
        gc.freeze()
        stack.callback(gc.unfreeze)
        engines = [make_reader(database.copy, FUNCTIONS) for database in plan.databases]
        for engine in engines:
            stack.callback(engine.dispose)
        yield Sources(*(stack.enter_context(engine.connect()) for engine in engines))


def read_rows(reader: Connection, query: str, most: int, size: int) -> Iterator[list[Sequence[Any]]]:
    """Yield rows, up to `most` at a time, and fewer where they hold `size` characters and bytes or more together."""
    # The driver's own cursor, because making rows of SQLAlchemy's takes a third more time.
    cursor: Any = reader.exec_driver_sql(query).cursor
    batch: list[Sequence[Any]] = []
    left = size
    for row in cursor:
        batch.append(row)
        for value in row:
            # The quickest way to ask: this runs once for every value of the database.
            if value.__class__ is str or value.__class__ is bytes:
                left -= len(value)
        if left <= 0 or len(batch) == most:
            yield batch
            batch, left = [], size
            # Nothing of these rows may stay in memory while the next one is read.
            del row, value
    if batch:
        yield batch
