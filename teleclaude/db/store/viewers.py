"""Who a bearer token belongs to, and which sessions somebody owns and may read (facts: daemon, caller identity)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import Session, SessionToken


@dataclass(frozen=True)
class Viewer:
    """Somebody who reads sessions."""

    person: str
    uid: int
    others: frozenset[str] = frozenset()
    """The names of all other people: their sessions are theirs alone, whatever the uid beside the name is."""
    sees_all: bool = False
    sees_shared: bool = True
    owns_all: bool = False
    """The one user of a single-user installation."""
    email: str | None = None
    """Somebody for whom the one user's web interface asks; their sessions have this address."""


_OWNED = or_(Session.owner_person != "", Session.owner_uid != -1)
"""Whether a session has an owner; one without is an administrator's to see (docs/adopting.md)."""


def is_own(viewer: Viewer) -> ColumnElement[bool]:
    """Return whether a session is the viewer's.

    The uid alone makes a session the viewer's only where its person is none of the others: uids are
    given again, and a migrated session may have one of another machine.
    """
    if viewer.owns_all:
        return true()
    if viewer.email is not None:
        return and_(_OWNED, Session.human_email == viewer.email)
    by_name = and_(Session.owner_person != "", Session.owner_person == viewer.person)
    by_number = and_(Session.owner_uid == viewer.uid, Session.owner_person.not_in(sorted(viewer.others)))
    return and_(_OWNED, or_(by_name, by_number))


def is_visible(viewer: Viewer) -> ColumnElement[bool]:
    """Return whether the viewer may read a session."""
    if viewer.sees_all:
        return true()
    shared = and_(_OWNED, Session.visibility == "shared") if viewer.sees_shared else false()
    return or_(is_own(viewer), shared)


async def find_token(orm: Orm, token: str) -> SessionToken | None:
    """Return a token of an agent's session that is neither expired nor revoked."""
    valid = (SessionToken.token == token, SessionToken.expires_at > datetime.now(UTC))
    return await orm.scalar(select(SessionToken).where(*valid, SessionToken.revoked_at.is_(None)))
