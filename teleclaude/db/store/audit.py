"""The audit log: who did or saw what of somebody else's. Rows are added, read, and after a long time removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import eq, ge, lt
from typing import Any

from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import AuditLog

DAEMON = "teleclaude daemon"
"""The actor of what the daemon does by itself. No account has such a name."""


async def write_audit(orm: Orm, actor: str, action: str, session_ids: Iterable[str]) -> None:
    """Note that `actor` did something to each of the sessions; a trigger refuses every change of what is noted."""
    row = {"actor_person": actor, "action_type": action, "timestamp": datetime.now(UTC)}
    if rows := [{**row, "target_session_id": session_id} for session_id in session_ids]:
        await orm.execute(insert(AuditLog), rows)


async def write_detail(orm: Orm, actor: str, action: str, detail: Any) -> None:
    """Note what `actor` did to no session in particular."""
    row = {"actor_person": actor, "action_type": action, "timestamp": datetime.now(UTC), "detail": detail}
    await orm.execute(insert(AuditLog).values(row))


@dataclass(frozen=True)
class AuditFilter:
    """Which rows are asked for."""

    actor: str | None = None
    action: str | None = None
    session: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """The moment after the last one."""
    before: int | None = None
    """A row: it and newer ones are left out."""
    limit: int = 100


async def list_audit(orm: Orm, wanted: AuditFilter) -> Sequence[AuditLog]:
    """Return rows of the audit log, the newest first."""
    conditions = (
        (AuditLog.actor_person, eq, wanted.actor),
        (AuditLog.action_type, eq, wanted.action),
        (AuditLog.target_session_id, eq, wanted.session),
        (AuditLog.timestamp, ge, wanted.since),
        (AuditLog.timestamp, lt, wanted.until),
        (AuditLog.id, lt, wanted.before),
    )
    given = (compare(column, value) for column, compare, value in conditions if value is not None)
    return (await orm.scalars(select(AuditLog).where(*given).order_by(AuditLog.id.desc()).limit(wanted.limit))).all()


async def expire_audit(orm: Orm, days: int) -> None:
    """Remove rows older than so many days, at least 30, on PostgreSQL alone.

    A trigger refuses less, by the clock of the server, and adds the row that says how many were removed.
    """
    await orm.execute(text("SELECT set_config('teleclaude.expire_audit', 'on', true)"))
    await orm.execute(delete(AuditLog).where(AuditLog.timestamp < func.now() - timedelta(days=days)))
