"""Constraints that real data breaks are kept as far as they can be, and reported.

A foreign key with orphans is added NOT VALID: new rows are checked, old ones stay. A CHECK that rows break is left out,
because under NOT VALID an old row could not even be updated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, text
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.models import Model
from teleclaude.migration.report import ConstraintResult
from teleclaude.migration.shapes import quote

NOT_VALID = "not valid"
LEFT_OUT = "left out"


@dataclass(frozen=True)
class Breakable:
    """A constraint that old data can break: what then becomes of it, and the query that lists the rows."""

    name: str
    table: str
    state: str
    query: str


def find_breakable() -> Iterator[Breakable]:
    """Yield every foreign key and every CHECK of the models."""
    for table in Model.metadata.sorted_tables:
        for constraint in sorted(table.constraints, key=lambda constraint: str(constraint.name)):
            if isinstance(constraint, ForeignKeyConstraint):
                (element,) = constraint.elements
                column, parent = quote(element.parent.name), element.column
                orphans = (
                    f"SELECT * FROM {quote(table.name)} AS child WHERE child.{column} IS NOT NULL AND NOT EXISTS "  # noqa: S608
                    f"(SELECT 1 FROM {quote(parent.table.name)} AS parent"
                    f" WHERE parent.{quote(parent.name)} = child.{column})"
                )
                yield Breakable(str(constraint.name), table.name, NOT_VALID, orphans)
            if isinstance(constraint, CheckConstraint):
                broken = f"SELECT * FROM {quote(table.name)} WHERE NOT ({constraint.sqltext})"  # noqa: S608
                yield Breakable(str(constraint.name), table.name, LEFT_OUT, broken)


async def add_constraints(connection: AsyncConnection) -> tuple[ConstraintResult, ...]:
    """Add keys, constraints and indexes to the loaded tables; return those that the data breaks."""
    results = []
    for breakable in find_breakable():
        rows = await connection.scalar(text(f"SELECT count(*) FROM ({breakable.query}) AS broken"))  # noqa: S608
        if rows:
            results.append(
                ConstraintResult(breakable.name, breakable.table, breakable.state, rows, f"{breakable.query};")
            )
    not_valid = frozenset(result.name for result in results if result.state == NOT_VALID)
    left_out = frozenset(result.name for result in results if result.state == LEFT_OUT)
    await connection.run_sync(schema.create_keys, not_valid, left_out)
    return tuple(results)
