"""Sessions: listed, read, created, changed, closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession as Orm
from sqlalchemy.orm import InstrumentedAttribute, aliased

from teleclaude.db.models import Session, SessionToken
from teleclaude.db.store.viewers import Viewer, is_own, is_visible

LISTED_STATUSES = ("active", "headless")
"""What is listed of the open sessions (facts: daemon, sessions over the API)."""

_LAST_ACTIVE_FIRST = (Session.last_activity.desc().nulls_last(), Session.session_id)


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions are asked for."""

    closed: bool = False
    computer: str | None = None
    job: str | None = None
    initiator: str | None = None
    limit: int | None = None
    """How many at most; None means all."""
    offset: int = 0
    """How many are skipped first."""
    after: str | None = None
    """The id of a session: it and the sessions before it in the order are left out."""


@dataclass(frozen=True)
class Seen:
    """A session, and whether it is the viewer's own."""

    session: Session
    own: bool

    @property
    def others(self) -> list[str]:
        """Its id where it is somebody else's."""
        return [] if self.own else [self.session.session_id]


async def list_sessions(
    orm: Orm, columns: Sequence[InstrumentedAttribute[Any]], wanted: SessionFilter, viewer: Viewer
) -> Sequence[RowMapping]:
    """Return the sessions that the viewer may read, the one that was active last first.

    Of each its columns and `own`, whether it is the viewer's; a whole model takes several times as long.
    """
    conditions = [is_visible(viewer), *_conditions(wanted)]
    if wanted.limit is not None or wanted.offset or wanted.after is not None:
        # The page is found among the ids alone: sorting whole sessions for every page takes longer than reading it.
        page = select(Session.session_id).where(*conditions).order_by(*_LAST_ACTIVE_FIRST)
        if wanted.after is not None:
            anchor = aliased(Session)
            page = page.join(anchor, anchor.session_id == wanted.after).where(_comes_after(anchor))
        conditions = [Session.session_id.in_(page.limit(wanted.limit).offset(wanted.offset))]
    query = select(*columns, is_own(viewer).label("own")).where(*conditions)
    return (await orm.execute(query.order_by(*_LAST_ACTIVE_FIRST))).mappings().all()


async def count_others(orm: Orm, wanted: SessionFilter, viewer: Viewer) -> dict[str, int]:
    """Return how many sessions of a whole list are somebody else's, by the name of the owner."""
    conditions = (is_visible(viewer), not_(is_own(viewer)), *_conditions(wanted))
    query = select(Session.owner_person, func.count()).where(*conditions).group_by(Session.owner_person)
    return {owner: number for owner, number in await orm.execute(query.order_by(Session.owner_person))}


def _conditions(wanted: SessionFilter) -> Iterator[ColumnElement[bool]]:
    if not wanted.closed:
        yield from (Session.closed_at.is_(None), Session.lifecycle_status.in_(LISTED_STATUSES))
    if wanted.computer is not None:
        yield Session.computer_name == wanted.computer
    if wanted.job is not None:
        yield Session.session_metadata["job"].as_string() == wanted.job
    if wanted.initiator is not None:
        yield Session.initiator_session_id == wanted.initiator


def _comes_after(anchor: type[Session]) -> ColumnElement[bool]:
    """Return whether a session comes after another one in the order of `list_sessions`.

    The database compares what it holds: SQLite's moments are texts, of more than one form.
    """
    active, known = Session.last_activity, anchor.last_activity
    tied = and_(active.is_not_distinct_from(known), Session.session_id > anchor.session_id)
    return or_(active < known, and_(active.is_(None), known.is_not(None)), tied)


async def find_session(orm: Orm, session_id: str, viewer: Viewer) -> Seen | None:
    """Return a session, None where there is none that the viewer may read."""
    query = select(Session, is_own(viewer)).where(is_visible(viewer), Session.session_id == session_id)
    row = (await orm.execute(query)).first()
    return None if row is None else Seen(row[0], bool(row[1]))


async def create_session(orm: Orm, values: Mapping[str, Any]) -> Session:
    """Add a session, created and active now; raises IntegrityError where one has its id."""
    now = datetime.now(UTC)
    session = Session(**values, created_at=now, last_activity=now)
    orm.add(session)
    await orm.flush()
    await orm.refresh(session)
    return session


async def update_session(orm: Orm, session: Session, values: Mapping[str, Any]) -> None:
    """Change a session, and set its last activity to now."""
    for name, value in values.items():
        setattr(session, name, value)
    session.last_activity = datetime.now(UTC)
    await orm.flush()


async def close_session(orm: Orm, session: Session) -> None:
    """Close a session and revoke its tokens; a closed one keeps the time when it was closed."""
    if session.closed_at is None:
        session.closed_at = datetime.now(UTC)
        session.lifecycle_status = "closed"
    mine = SessionToken.session_id == session.session_id
    await orm.execute(update(SessionToken).where(mine, SessionToken.revoked_at.is_(None)).values(revoked_at=func.now()))
    await orm.flush()
