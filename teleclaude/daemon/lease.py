"""Holding a PostgreSQL database for as long as the daemon serves it.

The lock ends with its connection: when the server restarts, or somebody cuts it. Then nothing is answered until the
lock is held again and the database was looked at anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.db.engine import explained
from teleclaude.db.lock import hold_database
from teleclaude.errors import LockHeldError, RequestError, TargetError

LOG = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
"""How often the lock is looked at while nobody asks anything."""

_ANSWER_SECONDS = 5.0
"""How long the database may take to say so; one that does not answer cannot be relied on."""

_PAUSE_SECONDS = 0.2
"""Between attempts to take it again."""


class Lease:
    """The lock on a database, taken again where it was lost. `examine` raises what forbids to serve."""

    def __init__(self, engine: AsyncEngine, url: URL, examine: Callable[[], Awaitable[None]]) -> None:
        self._engine = engine
        self._url = url
        self._examine = examine
        self._stack = AsyncExitStack()
        self._check: Callable[[], Awaitable[None]] | None = None
        self._look: asyncio.Task[bool] | None = None
        self._lost = asyncio.Event()

    async def take(self) -> None:
        """Take the lock, and look whether the database may be served; raises LockHeldError, BootRefusedError."""
        with explained(self._url):
            check = await self._stack.enter_async_context(hold_database(self._engine))
            await self._examine()
        self._lost.clear()
        self._check = check

    async def release(self) -> None:
        """Give the lock back."""
        self._check = None
        await self._stack.aclose()

    async def confirm(self) -> None:
        """Return once the database has said that it is ours, after it was asked to; raises RequestError (503).

        Whoever comes while it is being asked waits for the next time, together with all others.
        """
        before = self._look
        if before is not None:
            await asyncio.wait([before])
        if self._look is before:
            self._look = asyncio.create_task(self._is_held())
        assert self._look is not None
        current = self._look
        await asyncio.wait([current])
        if not current.result():
            raise RequestError(503, "the database is not held at the moment", "try again in a few seconds")

    async def _is_held(self) -> bool:
        if self._check is None:
            return False
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._check()
        except (LockHeldError, TimeoutError):
            self._check = None
            self._lost.set()
            return False
        return True

    async def keep(self) -> None:
        """Look again and again, and take the lock back where it was lost; raises BootRefusedError where that may not
        be."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), _LOOK_SECONDS)
            with suppress(RequestError):
                await self.confirm()
                continue
            LOG.warning("the database is not held any more; nothing is answered")
            await self._take_again()
            LOG.info("the database is held again")

    async def _take_again(self) -> None:
        while True:
            await self.release()
            try:
                async with asyncio.timeout(_ANSWER_SECONDS * 2):
                    return await self.take()
            except (LockHeldError, TargetError, TimeoutError) as error:
                LOG.debug("the database cannot be held yet", exc_info=error)
            await asyncio.sleep(_PAUSE_SECONDS)
