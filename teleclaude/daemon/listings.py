"""The lists of sessions that an administrator reads: each is noted in the audit log once, however many pages it has."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon.cursor import is_valid, make_cursor
from teleclaude.db.store.audit import write_detail

_FRESH_SECONDS = 10.0
"""How long a count is used again: it reads every session, and the same list may be asked for many times a second."""

_Count = Callable[[], Awaitable[Mapping[str, int]]]
"""Counts the sessions of a list that are somebody else's, by the name of their owner."""


class Listings:
    """The lists since the daemon started, and the key that signs their cursors."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._counted: dict[str, tuple[float, Mapping[str, int]]] = {}

    def is_noted(self, listing: str, cursor: str | None) -> bool:
        """Whether a page goes on with a list that was noted when its first page was read."""
        return cursor is not None and is_valid(self._key, listing, cursor, int(time.time()))

    async def note(self, orm: Orm, actor: str, listing: str, count: _Count) -> str:
        """Note how many sessions of whom are listed, if any, and return the cursor for the pages that follow."""
        owners = await self._count(listing, count)
        if owners:
            await write_detail(orm, actor, "list_session", {"sessions": sum(owners.values()), "of": dict(owners)})
        return make_cursor(self._key, listing, int(time.time()))

    async def _count(self, listing: str, count: _Count) -> Mapping[str, int]:
        now = time.monotonic()
        self._counted = {name: said for name, said in self._counted.items() if now - said[0] < _FRESH_SECONDS}
        if listing not in self._counted:
            self._counted[listing] = (now, await count())
        return self._counted[listing][1]
