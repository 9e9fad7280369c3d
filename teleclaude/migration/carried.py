"""Tables and columns that the models do not know: they arrive beside the rest, under names that say so."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.shapes import quote
from teleclaude.migration.tables import TablePlan


async def create_carried(connection: AsyncConnection, tables: Sequence[TablePlan]) -> None:
    """Create the tables that the models do not know, each with a comment that says where it comes from."""
    carried = [table for table in tables if table.carried]
    for schema in sorted({table.schema for table in carried if table.schema}):
        await connection.exec_driver_sql(f"CREATE SCHEMA {quote(schema)}")
    for table in carried:
        columns = [f"{quote(column.name)} {column.type}" for column in table.columns]
        if table.key:
            columns.append(f"PRIMARY KEY ({', '.join(map(quote, table.key))})")
        await connection.exec_driver_sql(f"CREATE TABLE {table.sql_name} ({', '.join(columns)})")
        database = "events.db" if table.from_events else "the old database"
        origin = f"Carried by teleclaude migrate-to-system from the table {table.source} of {database}"
        await connection.exec_driver_sql(
            f"COMMENT ON TABLE {table.sql_name} IS '{origin.replace(chr(39), chr(39) * 2)}'"
        )
