"""The audit log: who did or saw what of somebody else's. Rows are added, read, and after a long time removed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, insert, text
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import AuditLog

DAEMON = "teleclaude daemon"
"""The actor of what the daemon does by itself. No account has such a name."""


async def write_audit(orm: Orm, actor: str, action: str, session_ids: Iterable[str]) -> None:
    """Note that `actor` did something to each of the sessions; a trigger refuses every change of what is noted."""
    row = {"actor_person": actor, "action_type": action, "timestamp": datetime.now(UTC)}
    if rows := [{**row, "target_session_id": session_id} for session_id in session_ids]:
        await orm.execute(insert(AuditLog), rows)


async def expire_audit(orm: Orm, days: int) -> None:
    """Remove rows older than so many days, at least 30, on PostgreSQL alone.

    A trigger refuses less, by the clock of the server, and adds the row that says how many were removed.
    """
    await orm.execute(text("SELECT set_config('teleclaude.expire_audit', 'on', true)"))
    await orm.execute(delete(AuditLog).where(AuditLog.timestamp < func.now() - timedelta(days=days)))
