"""The tables of the target around the load: made before the rows, and given sequences and constraints after them.

Tables and columns that the models do not know arrive beside the rest, with comments that say where from.

The sequence of an identity column goes on where SQLite would have gone on; an insert checks it.

Constraints that real data breaks are kept as far as they can be, and reported. A foreign key with orphans is added
NOT VALID: new rows are checked, old ones stay. A CHECK that rows break is left out, because under NOT VALID an old row
could not be updated. Where values repeat that should be unique, or texts are too long for an index, the constraint or
index is left out as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Text, UniqueConstraint, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.models import Model
from teleclaude.errors import TargetError
from teleclaude.migration.load.problems import WRONG_NUMBER
from teleclaude.migration.plan.tables import ColumnPlan, SequencePlan, TablePlan, column_type, renamed_columns
from teleclaude.migration.report.events import ConstraintResult, SequenceResult
from teleclaude.migration.values.column_types import LONGEST_KEY_BYTES, STAND_INS, ColumnType
from teleclaude.migration.values.identifiers import ORIGIN, quote

_HIGHEST = 2**63 - 1
"""Of a bigint (PostgreSQL manual, numeric types)."""

_NOT_VALID = "not valid"
_LEFT_OUT = "left out"


async def create_legacy_tables(connection: AsyncConnection, tables: Sequence[TablePlan]) -> None:
    """Create the tables that the models do not know, each with a comment on its origin."""
    legacy = [table for table in tables if table.legacy]
    for name in sorted({table.schema for table in legacy if table.schema}):
        await connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quote(name)}")
    for table in legacy:
        columns = ", ".join(f"{quote(column.name)} {_type(table, column)}" for column in table.columns)
        await connection.exec_driver_sql(f"CREATE TABLE {table.sql_name} ({columns})")
        for comment in _comments(table):
            await connection.exec_driver_sql(comment)
    # Last, so that PostgreSQL gives the index of a key no name that a table needs.
    for table in legacy:
        if table.key:
            key = ", ".join(map(quote, table.key))
            await connection.exec_driver_sql(f"ALTER TABLE {table.sql_name} ADD PRIMARY KEY ({key})")


def _type(table: TablePlan, column: ColumnPlan) -> str:
    # SQLite compares keys byte by byte too, and an update of the system's collations does not break such an index.
    byte_by_byte = column.type is ColumnType.TEXT and column.name in table.key
    return f'{column.type} COLLATE "C"' if byte_by_byte else column.type


def _comments(table: TablePlan) -> Iterator[str]:
    """Yield the comments on a table and on each column that has another name than before."""
    database = "events.db" if table.from_events else "the old database"
    origin = f"{ORIGIN} from the table {table.source} of {database}"
    yield f"COMMENT ON TABLE {table.sql_name} IS {_literal(origin)}"
    for column in renamed_columns(table):
        origin = f"Moved from the column {column.read}"
        yield f"COMMENT ON COLUMN {table.sql_name}.{quote(column.name)} IS {_literal(origin)}"


def _literal(written: str) -> str:
    return "'" + written.replace("'", "''") + "'"


async def restart_sequence(connection: AsyncConnection, table: TablePlan, sequence: SequencePlan) -> SequenceResult:
    """Let the column go on at the larger of its highest number plus one and what SQLite would have used next.

    It runs before the constraints, which the row of the check would not satisfy. Where no number is left nothing is
    checked, because the next one is taken.

    Raises TargetError where the insert gets another number.
    """
    column = quote(sequence.column)
    highest = await connection.scalar(text(f"SELECT max({column}) FROM {table.sql_name}"))  # noqa: S608
    wanted = max((highest or 0) + 1, sequence.next_id or 1, 1)
    following = min(wanted, _HIGHEST)
    # A rollback takes ALTER … RESTART back, but not setval.
    restart = text(f"ALTER TABLE {table.sql_name} ALTER COLUMN {column} RESTART WITH {following}")
    await connection.execute(restart)
    async with connection.begin_nested() as savepoint:
        # Repeated inside the savepoint, so that the check uses up no number.
        await connection.execute(restart)
        given = await connection.scalar(_make_insert(table.name, sequence.column))
        await savepoint.rollback()
    if given != following:
        problem = WRONG_NUMBER.fill(table=table.label, column=sequence.column, given=given, wanted=following)
        raise TargetError(problem)
    return SequenceResult(table.label, sequence.column, following, verified=following == wanted)


def _make_insert(name: str, sequence: str) -> Any:
    model = Model.metadata.tables[name]
    needed = [c for c in model.columns if not c.nullable and c.server_default is None and c.identity is None]
    # A document is a value here, not text.
    values = {c.name: {} if column_type(c) is ColumnType.DOCUMENT else STAND_INS[column_type(c)] for c in needed}
    return insert(model).values(values).returning(model.columns[sequence])


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
