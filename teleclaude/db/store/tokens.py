"""Bearer tokens of agents' sessions (facts: daemon, caller identity)."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import SessionToken


async def find_token(orm: Orm, token: str) -> SessionToken | None:
    """Return a token that is neither expired nor revoked."""
    valid = (SessionToken.token == token, SessionToken.expires_at > datetime.now(UTC))
    return await orm.scalar(select(SessionToken).where(*valid, SessionToken.revoked_at.is_(None)))
