"""Whose eyes look at sessions, and which they see. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, false, or_, true

from teleclaude.db.models import Session


@dataclass(frozen=True)
class Viewer:
    """Somebody who looks at sessions."""

    person: str
    uid: int
    others: frozenset[str] = frozenset()
    """The names of all other people: what is theirs is nobody else's, whatever number stands beside it."""
    sees_all: bool = False
    sees_shared: bool = True
    owns_all: bool = False
    """The one user of a single-user installation."""
    email: str | None = None
    """Somebody for whom the one user's web interface asks: sessions carry this address."""


def is_own(viewer: Viewer) -> ColumnElement[bool]:
    """Return whether a session is the viewer's.

    A number alone makes a session somebody's only where its person is none of the others: numbers of accounts are
    given again, and a migrated session may carry one of another machine.
    """
    if viewer.owns_all:
        return true()
    if viewer.email is not None:
        return Session.human_email == viewer.email
    by_number = and_(Session.owner_uid == viewer.uid, Session.owner_person.not_in(sorted(viewer.others)))
    return or_(Session.owner_person == viewer.person, by_number)


def is_visible(viewer: Viewer) -> ColumnElement[bool]:
    """Return whether the viewer may read a session."""
    if viewer.sees_all:
        return true()
    shared = Session.visibility == "shared" if viewer.sees_shared else false()
    return or_(is_own(viewer), shared)
