"""Keys, constraints and indexes of the loaded tables. Those that real data breaks are kept as far as they can be.

A foreign key with orphans is added NOT VALID: new rows are checked, old ones stay. A CHECK that rows break is left out,
because under NOT VALID an old row could not be updated. Where values repeat that should be unique, or texts are too
long for an index, the constraint or index is left out as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.models import Model
from teleclaude.migration.report.events import ConstraintResult
from teleclaude.migration.values.column_types import LONGEST_KEY_BYTES
from teleclaude.migration.values.identifiers import quote

_NOT_VALID = "not valid"

_LEFT_OUT = "left out"


async def add_constraints(connection: AsyncConnection) -> tuple[ConstraintResult, ...]:
    """Add keys, constraints and indexes to the loaded tables; return those that the data breaks."""
    results = []
    for breakable in _find_breakable():
        rows = await connection.scalar(text(f"SELECT count(*) FROM ({breakable.query}) AS broken"))  # noqa: S608
        if rows:
            results.append(replace(breakable, rows=rows, query=f"{breakable.query};"))
    not_valid = frozenset(result.name for result in results if result.state == _NOT_VALID)
    left_out = frozenset(result.name for result in results if result.state == _LEFT_OUT)
    await connection.run_sync(schema.create_post_data, not_valid, left_out)
    return tuple(results)


def _find_breakable() -> Iterator[ConstraintResult]:
    """Yield every constraint and index of the models that old data can break; the rows are not counted yet."""
    for table in Model.metadata.sorted_tables:
        for constraint in sorted(table.constraints, key=lambda constraint: str(constraint.name)):
            match constraint:
                case ForeignKeyConstraint():
                    yield ConstraintResult(str(constraint.name), table.name, _NOT_VALID, 0, _orphans(constraint))
                case CheckConstraint():
                    broken = f"SELECT * FROM {quote(table.name)} WHERE NOT ({constraint.sqltext})"  # noqa: S608
                    yield ConstraintResult(str(constraint.name), table.name, _LEFT_OUT, 0, broken)
                case UniqueConstraint():
                    repeated = _duplicates(table.name, [column.name for column in constraint.columns])
                    yield ConstraintResult(str(constraint.name), table.name, _LEFT_OUT, 0, repeated)
                    yield from _find_too_long(str(constraint.name), table.name, list(constraint.columns))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield from _find_in_index(table.name, index)


def _find_in_index(table: str, index: Index) -> Iterator[ConstraintResult]:
    columns = [column for column in index.expressions if isinstance(column, Column)]
    if index.unique:
        where = index.dialect_options["postgresql"]["where"]
        query = _duplicates(table, [column.name for column in columns], None if where is None else str(where))
        yield ConstraintResult(str(index.name), table, _LEFT_OUT, 0, query)
    yield from _find_too_long(str(index.name), table, columns)


def _find_too_long(name: str, table: str, columns: Sequence[Column[Any]]) -> Iterator[ConstraintResult]:
    texts = [column.name for column in columns if isinstance(column.type, Text)]
    if texts:
        length = " + ".join(f"coalesce(octet_length({quote(name)}), 0)" for name in texts)
        too_long = f"SELECT * FROM {quote(table)} WHERE {length} > {LONGEST_KEY_BYTES}"  # noqa: S608
        yield ConstraintResult(name, table, _LEFT_OUT, 0, too_long)


def _orphans(constraint: ForeignKeyConstraint) -> str:
    """Return the query that lists the rows whose parent does not exist."""
    (element,) = constraint.elements
    column, parent = quote(element.parent.name), element.column
    return (
        f"SELECT * FROM {quote(element.parent.table.name)} AS child WHERE child.{column} IS NOT NULL AND NOT EXISTS "  # noqa: S608
        f"(SELECT 1 FROM {quote(parent.table.name)} AS parent WHERE parent.{quote(parent.name)} = child.{column})"
    )


def _duplicates(table: str, names: list[str], where: str | None = None) -> str:
    """Return the query that lists the rows which share a value that should be unique; NULL is never shared."""
    columns = ", ".join(map(quote, names))
    among = f" WHERE {where}" if where else ""
    inner = f"SELECT {columns} FROM {quote(table)}{among} GROUP BY {columns} HAVING count(*) > 1"  # noqa: S608
    return f"SELECT * FROM {quote(table)} WHERE ({columns}) IN ({inner})"  # noqa: S608
