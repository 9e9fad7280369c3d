"""The audit log: who did or saw what of somebody else's. Rows are only added; a trigger refuses the rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import AuditLog


async def write_audit(orm: Orm, actor: str, action: str, session_ids: Iterable[str]) -> None:
    """Note that `actor` did something to each of the sessions."""
    now = datetime.now(UTC)
    row = {"actor_person": actor, "action_type": action, "timestamp": now}
    rows = [{**row, "target_session_id": session_id} for session_id in session_ids]
    if rows:
        await orm.execute(insert(AuditLog), rows)
