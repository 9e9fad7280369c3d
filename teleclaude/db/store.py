"""What the daemon reads from the database, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession as OrmSession

from teleclaude.db.models import MigrationRun, Model, Session

LISTED_STATUSES = ("active", "headless")
"""What is listed of the open sessions (facts: daemon, sessions over the API)."""


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions are asked for."""

    closed: bool = False
    computer: str | None = None
    job: str | None = None
    initiator: str | None = None


async def list_sessions(engine: AsyncEngine, wanted: SessionFilter) -> Sequence[Session]:
    """Return the sessions, the one that was active last first."""
    query = select(Session).order_by(Session.last_activity.desc().nulls_last(), Session.session_id)
    if not wanted.closed:
        query = query.where(Session.closed_at.is_(None), Session.lifecycle_status.in_(LISTED_STATUSES))
    if wanted.computer is not None:
        query = query.where(Session.computer_name == wanted.computer)
    if wanted.job is not None:
        query = query.where(Session.session_metadata["job"].as_string() == wanted.job)
    if wanted.initiator is not None:
        query = query.where(Session.initiator_session_id == wanted.initiator)
    async with OrmSession(engine) as orm:
        return (await orm.scalars(query)).all()


async def pending_runs(connection: AsyncConnection) -> Sequence[str]:
    """Return the migrations that have been committed and not yet proved."""
    found = await connection.scalars(select(MigrationRun.run_id).where(MigrationRun.state == "pending"))
    return found.all()


async def count_rows(connection: AsyncConnection) -> dict[str, int]:
    """Return the number of rows of every table."""
    counts = {}
    for name, table in sorted(Model.metadata.tables.items()):
        counts[name] = await connection.scalar(select(func.count()).select_from(table)) or 0
    return counts
