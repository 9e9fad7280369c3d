"""The database as a whole: rows of every table, migrations that are not finished."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.models import MigrationRun, Model


async def pending_runs(connection: AsyncConnection) -> Sequence[str]:
    """Return the migrations that have committed and are not finished."""
    found = await connection.scalars(select(MigrationRun.run_id).where(MigrationRun.state == "pending"))
    return found.all()


async def count_rows(connection: AsyncConnection) -> dict[str, int]:
    """Return the number of rows of every table."""
    counts = {}
    for name, table in sorted(Model.metadata.tables.items()):
        counts[name] = await connection.scalar(select(func.count()).select_from(table)) or 0
    return counts
