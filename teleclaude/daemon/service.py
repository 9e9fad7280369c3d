"""What the daemon serves with, the same for every request."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.config.schema import Settings
from teleclaude.daemon.identity import Account, Caller, Role, identify, narrow, read_roles
from teleclaude.daemon.listings import Listings
from teleclaude.db.store.viewers import Viewer

DATABASE_ERRORS = (SQLAlchemyError, OSError, asyncpg.InterfaceError, asyncpg.PostgresError)
"""Raised where the database refuses a statement, or cannot be reached."""


async def _always() -> None:
    """Let every request pass."""


@dataclass(frozen=True)
class Service:
    """The database, the settings that say who may call, and the check that the database is still locked by us."""

    engine: AsyncEngine
    settings: Settings
    single_user: bool = False
    audited: bool = True
    """Whether reading is noted; a probe cannot write, and only counts what it lists."""
    confirm: Callable[[], Awaitable[None]] = field(default=_always, repr=False)
    """Raises RequestError (503) where the lock on the database is lost."""
    only_later: bool = False
    """Whether the outbox leaves the events that a migration brought, as the daemon of a trial does."""
    uid: int = field(default_factory=os.geteuid)
    listings: Listings = field(default_factory=Listings, repr=False)

    def identify(self, account: Account, headers: Mapping[str, str]) -> Caller:
        """Return who calls; raises RequestError (403).

        The headers by which the single-user daemon's web interface spoke for others take from the one user's rights;
        system-wide they mean nothing.
        """
        caller = identify(account, self.settings.people, self.uid, single_user=self.single_user)
        speaks_for_another = self.single_user and "X-Web-User-Email" in headers
        return narrow(caller, headers.get("X-Web-User-Role", "")) if speaks_for_another else caller

    def read_roles(self) -> dict[int, Role]:
        """Return the roles of the accounts that are known, by their numbers, as the system has them now."""
        people = {} if self.single_user else read_roles(self.settings.people)
        return {**people, 0: Role.ADMIN, self.uid: Role.ADMIN}

    def view(self, caller: Caller, headers: Mapping[str, str]) -> Viewer:
        """Return as which viewer a caller reads sessions."""
        admin = caller.role is Role.ADMIN
        others = frozenset(person.name for person in self.settings.people if person.name != caller.person)
        viewer = Viewer(caller.person, caller.uid, others, sees_all=admin)
        if not self.single_user:
            return viewer
        if "X-Web-User-Email" not in headers:
            return Viewer(caller.person, caller.uid, owns_all=True, sees_all=True)
        shared = caller.role in (Role.ADMIN, Role.MEMBER)
        email = headers["X-Web-User-Email"]
        return Viewer(caller.person, caller.uid, sees_all=admin, sees_shared=shared, email=email)
