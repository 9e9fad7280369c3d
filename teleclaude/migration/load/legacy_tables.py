"""Tables that the models do not know: they arrive beside the rest, with comments that say where from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.plan.tables import ColumnPlan, TablePlan, renamed_columns
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.values.identifiers import ORIGIN, quote


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
