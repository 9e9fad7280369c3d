"""Open sessions that nobody has used for long: counted, closed, and opened again by their next event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import AuditLog, MigrationRun, Session, SessionToken
from teleclaude.db.store.audit import DAEMON

CLOSE_IDLE = "close_idle"
"""The action of the audit log that says which session the daemon closed by itself."""

_ACTIVE = func.coalesce(Session.last_activity, Session.created_at)

_OPEN = and_(Session.closed_at.is_(None), or_(Session.lifecycle_status.is_(None), Session.lifecycle_status != "closed"))

_CLOSED_BY = """\
EXISTS (SELECT FROM audit_log AS by WHERE by.action_type = 'close_idle' AND by.target_session_id = {0}.session_id
    AND by.timestamp = {0}.{1})"""

_END = "(SELECT max(finished_at) FROM migration_runs)"

DONE_ALONE: Mapping[str, str] = {
    "sessions": f"{_CLOSED_BY.format('sessions', 'closed_at')}"
    f" AND coalesce(last_activity, created_at, '-infinity') <= {_END}",
    "session_tokens": _CLOSED_BY.format("session_tokens", "revoked_at"),
    "audit_log": f"action_type = 'close_idle' AND timestamp > {_END}",
}
"""By table, the condition in PostgreSQL's SQL for the rows that only `close_idle` changed or added since the migration.

Whoever else changes a session sets its `last_activity`.
"""


async def count_idle(connection: AsyncConnection, now: datetime) -> dict[str, Any]:
    """Return how many sessions are open, how many of them were not active for some days, and since when the longest."""
    days = {"over_1_day": 1, "over_3_days": 3, "over_30_days": 30}
    idle = (func.count().filter(now - timedelta(days=each) > _ACTIVE).label(name) for name, each in days.items())
    query = select(func.count().label("open"), *idle, func.min(_ACTIVE).label("longest_since")).where(_OPEN)
    found = (await connection.execute(query)).mappings().one()
    longest = found["longest_since"]
    return {**found, "longest_since": longest and longest.isoformat()}


async def close_idle(orm: Orm, computer: str, longest: timedelta, most: int) -> int:
    """Close sessions of a computer that were not active for longer than `longest`, at most `most`; return their number.

    The time counts from the end of the migration where the last activity was before it. The tokens are revoked, and a
    row of the audit log says so of each session.
    """
    now = datetime.now(UTC)
    ended = await orm.scalar(select(func.max(MigrationRun.finished_at)))
    if ended is not None and ended >= now - longest:
        return 0
    idle = func.coalesce(_ACTIVE, ended) < now - longest
    which = (_OPEN, Session.computer_name == computer, idle)
    found = select(Session.session_id, Session.lifecycle_status, _ACTIVE.label("active")).where(*which).limit(most)
    # A session that somebody uses at this moment is left to them.
    rows = (await orm.execute(found.with_for_update(skip_locked=True))).all()
    if not rows:
        return 0
    names = [row.session_id for row in rows]
    closed = {"closed_at": now, "lifecycle_status": "closed"}
    await orm.execute(update(Session).where(Session.session_id.in_(names)).values(closed))
    mine = (SessionToken.session_id.in_(names), SessionToken.revoked_at.is_(None))
    await orm.execute(update(SessionToken).where(*mine).values(revoked_at=now))
    said = {"actor_person": DAEMON, "action_type": CLOSE_IDLE, "timestamp": now}
    noted = [{**said, "target_session_id": row.session_id, "detail": _to_detail(row)} for row in rows]
    await orm.execute(insert(AuditLog), noted)
    return len(rows)


def _to_detail(row: Any) -> dict[str, str | None]:
    return {"status": row.lifecycle_status, "last_activity": row.active and row.active.isoformat()}


def was_idle() -> ColumnElement[bool]:
    """Return whether a session was closed by `close_idle`, and by nobody else."""
    noted = (AuditLog.action_type == CLOSE_IDLE, AuditLog.target_session_id == Session.session_id)
    return exists().where(*noted, AuditLog.timestamp == Session.closed_at).correlate(Session)


async def reopen_idle(orm: Orm, session_id: str) -> bool:
    """Open a session again that `close_idle` closed; False where it is open, or where somebody closed it."""
    closed = (Session.session_id == session_id, was_idle())
    mine = (AuditLog.action_type == CLOSE_IDLE, AuditLog.target_session_id == session_id)
    noted = select(AuditLog.detail["status"].as_string()).where(*mine).order_by(AuditLog.id.desc()).limit(1)
    if await orm.scalar(select(Session.session_id).where(*closed)) is None:
        return False
    before = {"closed_at": None, "lifecycle_status": await orm.scalar(noted)}
    await orm.execute(update(Session).where(*closed).values(before), execution_options={"synchronize_session": False})
    return True
