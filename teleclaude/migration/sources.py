"""The private copies of the old databases, opened read-only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from teleclaude.db.engine import make_reader
from teleclaude.migration.json_member import FUNCTION, read_member
from teleclaude.migration.plan import Plan
from teleclaude.migration.tables import TablePlan

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
    """Open the private copies of the old databases, read-only."""
    with ExitStack() as stack:
        engines = [make_reader(database.copy, FUNCTIONS) for database in plan.databases]
        for engine in engines:
            stack.callback(engine.dispose)
        yield Sources(*(stack.enter_context(engine.connect()) for engine in engines))
