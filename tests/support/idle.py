"""A database that was migrated days ago, whose daemon has closed what was idle."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.store.idle import close_idle
from tests.support.sample import query


async def close_idle_later(target: URL) -> int:
    """Let four days pass since the migration and the daemon close the sessions of a computer; return their number."""
    await query(target, "UPDATE migration_runs SET finished_at = finished_at - interval '4 days'")
    [(computer,)] = await query(target, "SELECT computer_name FROM sessions WHERE closed_at IS NULL LIMIT 1")
    async with disposing(make_engine(target)) as engine, Orm(engine) as orm:
        closed = await close_idle(orm, computer, timedelta(hours=72), 500)
        await orm.commit()
    return closed
