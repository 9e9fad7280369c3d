"""Sessions: listed, read, created, changed, closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession as Orm
from sqlalchemy.orm import aliased

from teleclaude.db.models import Session, SessionToken
from teleclaude.db.store.viewers import Viewer, is_own, is_visible

LISTED_STATUSES = ("active", "headless")
"""What is listed of the open sessions (facts: daemon, sessions over the API)."""


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions are asked for."""

    closed: bool = False
    computer: str | None = None
    job: str | None = None
    initiator: str | None = None
    limit: int | None = None
    """How many at most; all without it."""
    offset: int = 0
    """How many are passed over first."""
    after: str | None = None
    """The id of a session: what comes before it in the order, and it itself, is left out."""


@dataclass(frozen=True)
class Seen:
    """A session, and whether it is the viewer's own."""

    session: Session
    own: bool


async def list_sessions(orm: Orm, wanted: SessionFilter, viewer: Viewer) -> Sequence[Seen]:
    """Return the sessions that the viewer may read, the one that was active last first."""
    query = _visible(viewer).order_by(Session.last_activity.desc().nulls_last(), Session.session_id)
    if not wanted.closed:
        query = query.where(Session.closed_at.is_(None), Session.lifecycle_status.in_(LISTED_STATUSES))
    if wanted.computer is not None:
        query = query.where(Session.computer_name == wanted.computer)
    if wanted.job is not None:
        query = query.where(Session.session_metadata["job"].as_string() == wanted.job)
    if wanted.initiator is not None:
        query = query.where(Session.initiator_session_id == wanted.initiator)
    if wanted.after is not None:
        anchor = aliased(Session)
        query = query.join(anchor, anchor.session_id == wanted.after).where(_comes_after(anchor))
    query = query.limit(wanted.limit).offset(wanted.offset)
    return [Seen(session, bool(own)) for session, own in await orm.execute(query)]


def _comes_after(anchor: type[Session]) -> ColumnElement[bool]:
    """Return whether a session stands after another one in the order of `list_sessions`.

    The database compares what it holds: SQLite's moments are texts, of more than one form.
    """
    active, known = Session.last_activity, anchor.last_activity
    tied = and_(active.is_not_distinct_from(known), Session.session_id > anchor.session_id)
    return or_(active < known, and_(active.is_(None), known.is_not(None)), tied)


async def find_session(orm: Orm, session_id: str, viewer: Viewer) -> Seen | None:
    """Return a session, None where there is none that the viewer may read."""
    row = (await orm.execute(_visible(viewer).where(Session.session_id == session_id))).first()
    return None if row is None else Seen(row[0], bool(row[1]))


def _visible(viewer: Viewer) -> Select[Session, bool]:
    return select(Session, is_own(viewer)).where(is_visible(viewer))


async def create_session(orm: Orm, values: Mapping[str, Any]) -> Session:
    """Add a session, created and active now; raises IntegrityError where one has its id."""
    now = datetime.now(UTC)
    session = Session(**values, created_at=now, last_activity=now)
    orm.add(session)
    await orm.flush()
    await orm.refresh(session)
    return session


async def update_session(orm: Orm, session: Session, values: Mapping[str, Any]) -> None:
    """Change a session, which makes it active now."""
    for name, value in values.items():
        setattr(session, name, value)
    session.last_activity = datetime.now(UTC)
    await orm.flush()


async def close_session(orm: Orm, session: Session) -> None:
    """Close a session and revoke its tokens; one that is closed stays closed as it was."""
    if session.closed_at is None:
        session.closed_at = datetime.now(UTC)
        session.lifecycle_status = "closed"
    mine = SessionToken.session_id == session.session_id
    await orm.execute(update(SessionToken).where(mine, SessionToken.revoked_at.is_(None)).values(revoked_at=func.now()))
    await orm.flush()
