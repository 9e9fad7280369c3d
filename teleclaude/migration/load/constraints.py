"""Keys, constraints and indexes of the loaded tables. Those that real data breaks are kept as far as they can be.

A foreign key with orphans is added NOT VALID: new rows are checked, old ones stay. A CHECK that rows break is left out,
because under NOT VALID an old row could not be updated. Where values repeat that should be unique, or texts are too
long for an index, the constraint or index is left out as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.models import Model
from teleclaude.migration.report.events import ConstraintResult
from teleclaude.migration.values.column_types import LONGEST_KEY_BYTES
from teleclaude.migration.values.identifiers import quote

_NOT_VALID = "not valid"

_LEFT_OUT = "left out"


@dataclass(frozen=True)
class _Breakable:
    """A constraint or index that old data can break, what becomes of it then, and the condition of a row that does."""

    name: str
    table: str
    state: str
    condition: str
    by_itself: bool = True
    """Whether the row alone says so, and no other row."""

    @property
    def query(self) -> str:
        """Return the query that lists the rows."""
        return f"SELECT * FROM {quote(self.table)} WHERE {self.condition}"  # noqa: S608


async def add_constraints(connection: AsyncConnection) -> tuple[ConstraintResult, ...]:
    """Add keys, constraints and indexes to the loaded tables; return those that the data breaks."""
    breakables = list(_find_breakable())
    counts = await _count_broken(connection, breakables)
    results = tuple(
        ConstraintResult(each.name, each.table, each.state, counts[each], f"{each.query};")
        for each in breakables
        if counts[each]
    )
    not_valid = frozenset(result.name for result in results if result.state == _NOT_VALID)
    left_out = frozenset(result.name for result in results if result.state == _LEFT_OUT)
    await connection.run_sync(schema.create_post_data, not_valid, left_out)
    return results


async def _count_broken(connection: AsyncConnection, breakables: Sequence[_Breakable]) -> dict[_Breakable, int]:
    """Return how many rows break each; what a row says by itself is counted in one pass over its table."""
    counts: dict[_Breakable, int] = {}
    for table in dict.fromkeys(each.table for each in breakables):
        together = [each for each in breakables if each.table == table and each.by_itself]
        filters = ", ".join(f"count(*) FILTER (WHERE {each.condition})" for each in together) or "0"
        row = (await connection.exec_driver_sql(f"SELECT {filters} FROM {quote(table)}")).one()  # noqa: S608
        counts |= dict(zip(together, row, strict=False))
    for each in breakables:
        if not each.by_itself:
            query = f"SELECT count(*) FROM ({each.query}) AS broken"  # noqa: S608
            counts[each] = (await connection.exec_driver_sql(query)).scalar_one()
    return counts


def _find_breakable() -> Iterator[_Breakable]:
    """Yield every constraint and index of the models that old data can break."""
    for table in Model.metadata.sorted_tables:
        for constraint in sorted(table.constraints, key=lambda constraint: str(constraint.name)):
            name = str(constraint.name)
            match constraint:
                case ForeignKeyConstraint():
                    yield _Breakable(name, table.name, _NOT_VALID, _orphans(constraint), by_itself=False)
                case CheckConstraint():
                    yield _Breakable(name, table.name, _LEFT_OUT, f"NOT ({constraint.sqltext})")
                case UniqueConstraint():
                    repeated = _duplicates(table.name, [column.name for column in constraint.columns])
                    yield _Breakable(name, table.name, _LEFT_OUT, repeated, by_itself=False)
                    yield from _find_too_long(name, table.name, list(constraint.columns))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield from _find_in_index(table.name, index)


def _find_in_index(table: str, index: Index) -> Iterator[_Breakable]:
    columns = [column for column in index.expressions if isinstance(column, Column)]
    if index.unique:
        where = index.dialect_options["postgresql"]["where"]
        repeated = _duplicates(table, [column.name for column in columns], None if where is None else str(where))
        yield _Breakable(str(index.name), table, _LEFT_OUT, repeated, by_itself=False)
    yield from _find_too_long(str(index.name), table, columns)


def _find_too_long(name: str, table: str, columns: Sequence[Column[Any]]) -> Iterator[_Breakable]:
    texts = [column.name for column in columns if isinstance(column.type, Text)]
    if texts:
        length = " + ".join(f"coalesce(octet_length({quote(name)}), 0)" for name in texts)
        yield _Breakable(name, table, _LEFT_OUT, f"{length} > {LONGEST_KEY_BYTES}")


def _orphans(constraint: ForeignKeyConstraint) -> str:
    """Return the condition of a row whose parent does not exist."""
    (element,) = constraint.elements
    column, parent = f"{quote(element.parent.table.name)}.{quote(element.parent.name)}", element.column
    return (
        f"{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {quote(parent.table.name)} AS parent "  # noqa: S608
        f"WHERE parent.{quote(parent.name)} = {column})"
    )


def _duplicates(table: str, names: list[str], where: str | None = None) -> str:
    """Return the condition of a row that shares a value that should be unique; NULL is never shared."""
    columns = ", ".join(map(quote, names))
    among = f" WHERE {where}" if where else ""
    return f"({columns}) IN (SELECT {columns} FROM {quote(table)}{among} GROUP BY {columns} HAVING count(*) > 1)"  # noqa: S608
