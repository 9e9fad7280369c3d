"""Sessions: listed, read, created, changed, closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    true,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession as Orm
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.types import NullType

from teleclaude.db.models import MigrationRun, Session, SessionToken
from teleclaude.db.store.idle import was_idle
from teleclaude.db.store.lengths import count_fitting, measure, read_shortened, shorten
from teleclaude.db.store.viewers import Viewer, is_own, is_visible

Columns = tuple[InstrumentedAttribute[Any], ...]
"""The columns that are asked for."""

_BARE = {"synchronize_session": False}
"""No session is held as an object."""

LISTED_STATUSES = ("active", "headless")
"""What is listed of the open sessions (facts: daemon, sessions over the API)."""


@dataclass(frozen=True)
class SessionFilter:
    """Which sessions are asked for."""

    closed: bool = False
    computer: str | None = None
    job: str | None = None
    initiator: str | None = None
    offset: int = 0
    """How many are skipped first."""


@dataclass(frozen=True)
class Place:
    """Where a session stands in the order of a list: the one that was active last first, then by their ids."""

    active: Any
    """As the database holds it: SQLite's moments are texts, of more than one form."""
    session_id: str


@dataclass(frozen=True)
class Reach:
    """Which part of a list is read."""

    after: Place | None
    """None is the beginning."""
    most: int
    """How many sessions at most."""
    room: int
    """About how many bytes of texts."""


@dataclass(frozen=True)
class Seen:
    """The columns of a session, and whether it is the viewer's own."""

    columns: Mapping[str, Any]
    own: bool

    @property
    def others(self) -> list[str]:
        """Its id where it is somebody else's."""
        return [] if self.own else [self.columns["session_id"]]


@dataclass(frozen=True)
class Listed:
    """A part of a list, and the place of its last session where more sessions follow."""

    sessions: Sequence[Seen]
    last: Place | None


_ACTIVE = type_coerce(Session.last_activity, NullType())
"""As the database holds it."""


async def list_sessions(orm: Orm, columns: Columns, wanted: SessionFilter, viewer: Viewer, reach: Reach) -> Listed:
    """Return a part of the sessions that the viewer may read.

    Of each its columns, long ones shortened; a whole model takes several times as long. The index serves the order:
    the places are found without reading the sessions before them.
    """
    conditions = [is_visible(viewer), *_conditions(wanted)]
    found = (await orm.execute(_find_places(columns, conditions, reach, wanted.offset))).all()
    taken = found[: count_fitting([row.size for row in found[: reach.most]], reach.room)]
    names = [row.session_id for row in taken]
    read = select(*read_shortened(columns), is_own(viewer).label("own")).where(Session.session_id.in_(names))
    rows = {row["session_id"]: row for row in (await orm.execute(read)).mappings()}
    seen = [_to_seen(shorten(rows[name])) for name in names]
    last = Place(taken[-1].active, names[-1]) if len(taken) < len(found) else None
    return Listed(seen, last)


def _to_seen(columns: dict[str, Any]) -> Seen:
    return Seen(columns, bool(columns.pop("own")))


def _find_places(columns: Columns, conditions: Sequence[ColumnElement[bool]], reach: Reach, offset: int) -> Select[Any]:
    """Return the query for ids, moments and sizes, in order, of one session more than is read.

    Sessions without a moment come last. One condition for both kinds would be served by no index.
    """
    active, name, after, most = _ACTIVE, Session.session_id, reach.after, reach.most + 1
    dated: list[ColumnElement[bool]] = [active.is_not(None)]
    undated: list[ColumnElement[bool]] = [active.is_(None)]
    if after is not None and after.active is not None:
        moment = literal(after.active, NullType())
        dated += [active <= moment, or_(active < moment, name > after.session_id)]
    if after is not None and after.active is None:
        dated += [false()]
        undated += [name > after.session_id]
    every = select(name, active.label("active"), measure(columns).label("size")).where(*conditions).limit(most + offset)
    ordered = every.order_by(active.desc(), name)
    both = union_all(*(select(ordered.where(*kind).subquery()) for kind in (dated, undated))).subquery()
    order = (both.c.active.desc().nulls_last(), both.c.session_id)
    return select(both).order_by(*order).limit(most).offset(offset)


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


async def find_place(orm: Orm, session_id: str, viewer: Viewer) -> Place | None:
    """Return where a session stands, None where there is none that the viewer may read."""
    query = select(_ACTIVE.label("active")).where(is_visible(viewer), Session.session_id == session_id)
    row = (await orm.execute(query)).first()
    return None if row is None else Place(row.active, session_id)


async def find_session(orm: Orm, columns: Columns, session_id: str, viewer: Viewer) -> Seen | None:
    """Return a session with long columns shortened, None where there is none that the viewer may read."""
    query = select(*read_shortened(columns), is_own(viewer).label("own"))
    row = (await orm.execute(query.where(is_visible(viewer), Session.session_id == session_id))).mappings().first()
    return None if row is None else _to_seen(shorten(row))


async def read_whole(orm: Orm, columns: Columns, session_id: str, room: int) -> Mapping[str, Any]:
    """Return the columns of a session that is there, whole; raises TooLittleRoomError."""
    size = await orm.scalar(select(measure(columns)).where(Session.session_id == session_id)) or 0
    count_fitting([size], room, whole=True)
    found = await orm.execute(select(*columns).where(Session.session_id == session_id))
    return dict(found.mappings().one())


async def find_native_session(orm: Orm, native_session_id: str, agent: str | None, viewer: Viewer) -> str | None:
    """Return the session of the viewer's own that an agent knows by this id: an open one, the one that was active last.

    Else one that the daemon closed by itself.
    """
    closed = Session.closed_at.is_not(None)
    mine = (is_own(viewer), or_(not_(closed), was_idle()), Session.native_session_id == native_session_id)
    of_agent = or_(Session.active_agent.is_(None), Session.active_agent == agent) if agent else true()
    found = select(Session.session_id).where(*mine, of_agent)
    found = found.order_by(closed, Session.last_activity.desc().nulls_last(), Session.session_id).limit(1)
    return await orm.scalar(found)


async def count_made(orm: Orm, person: str, uid: int, most: int) -> int:
    """Return how many open sessions of an account were made here, after the last migration began; at most `most`."""
    began = select(func.max(MigrationRun.started_at)).scalar_subquery()
    here = or_(began.is_(None), Session.created_at > began)
    mine = (Session.owner_uid == uid, Session.owner_person == person, Session.closed_at.is_(None), here)
    found = select(Session.session_id).where(*mine).limit(most).subquery()
    return await orm.scalar(select(func.count()).select_from(found)) or 0


async def create_session(orm: Orm, values: Mapping[str, Any]) -> None:
    """Add a session, created and active now; raises IntegrityError where one has its id."""
    now = datetime.now(UTC)
    await orm.execute(insert(Session).values(**values, created_at=now, last_activity=now))


async def update_session(orm: Orm, session_id: str, values: Mapping[str, Any]) -> None:
    """Change a session, and set its last activity to now."""
    changed = {**values, "last_activity": datetime.now(UTC)}
    await orm.execute(update(Session).where(Session.session_id == session_id).values(changed), execution_options=_BARE)


async def close_session(orm: Orm, session_id: str) -> None:
    """Close a session and revoke its tokens; a closed one keeps the time when it was closed."""
    closed = {"closed_at": datetime.now(UTC), "lifecycle_status": "closed"}
    still_open = (Session.session_id == session_id, Session.closed_at.is_(None))
    await orm.execute(update(Session).where(*still_open).values(closed), execution_options=_BARE)
    mine = (SessionToken.session_id == session_id, SessionToken.revoked_at.is_(None))
    await orm.execute(update(SessionToken).where(*mine).values(revoked_at=func.now()))
