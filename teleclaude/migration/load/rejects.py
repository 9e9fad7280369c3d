"""Rows that their table cannot hold: kept whole, as JSON text, in a table of rejects with position and reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.load.pgcopy import encode_value, join_row
from teleclaude.migration.plan.tables import TablePlan, rejects_table
from teleclaude.migration.state.ledger import to_plain
from teleclaude.migration.values.identifiers import LEGACY, quote

REJECT_COLUMNS = ("part", "position", "reason", "row")
"""Of the table of rejects. `part` is the label of the table plan, since two plans may read the same old table.
`position` is the number of the row in the order in which that plan reads the table, from 0 on."""


async def create_rejects(connection: AsyncConnection, table: TablePlan) -> None:
    """Create the table for the rejected rows of an old table, where it does not exist."""
    await connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quote(LEGACY)}")
    # The verification reads them page by page, by this key.
    columns = "part text, position bigint, reason text, row text, PRIMARY KEY (part, position)"
    await connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {rejects_table(table)} ({columns})")


def encode_reject(table: TablePlan, position: int, reason: str, raw: Sequence[Any]) -> bytes:
    """Return a rejected row, whole and as the old database holds it, as COPY takes it into the table of rejects."""
    row = json.dumps({column.name: to_plain(value) for column, value in zip(table.columns, raw, strict=True)})
    return join_row([encode_value(value) for value in (table.label, position, reason, row)])
