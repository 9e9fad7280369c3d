"""The lease: the lock on a PostgreSQL database for as long as the daemon serves it.

The lock ends with its connection, for example when the server restarts. Then no request is answered until the daemon
has taken the lock again and has examined the database again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.daemon import problems
from teleclaude.daemon.own_session import OwnSession
from teleclaude.db.engine import explained
from teleclaude.db.lock import hold_database
from teleclaude.errors import LockHeldError, RequestError, TargetError

_LOG = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
"""The time between checks of the lock while no request comes."""

_ANSWER_SECONDS = 5.0
"""How long a check may take; after that, the lock counts as lost."""

_END_SECONDS = 5.0
"""How long the server may take to end a session."""

_PAUSE_SECONDS = 0.2
"""Between attempts to take the lock again."""


class Lease:
    """The lock on a database, taken again after it was lost. `examine` raises where the database may not be served."""

    def __init__(self, engine: AsyncEngine, own: OwnSession, examine: Callable[[], Awaitable[None]]) -> None:
        self._engine = engine
        self._own = own
        self._examine = examine
        self._stack = AsyncExitStack()
        self._check: Callable[[], Awaitable[None]] | None = None
        self._look: asyncio.Task[bool] | None = None
        self._lost = asyncio.Event()

    async def take(self) -> None:
        """Take the lock and examine the database; raises LockHeldError, BootRefusedError, TargetError."""
        with explained(self._own.url):
            try:
                check = await self._stack.enter_async_context(hold_database(self._engine))
            except LockHeldError:
                # Our own session may live on where the network has lost it.
                if not await self._own.end(self._engine):
                    raise
                check = await self._stack.enter_async_context(hold_database(self._engine, _END_SECONDS))
            await self._examine()
            await self._own.remember(self._engine)
        self._lost.clear()
        self._check = check

    async def release(self) -> None:
        """Give the lock back."""
        self._check = None
        await self._stack.aclose()

    async def confirm(self) -> None:
        """Return after a check, begun after this call, has found the lock held; raises RequestError (503).

        A call that comes during a check waits for the next one, which serves all calls that wait.
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
            raise RequestError(503, problems.LOCK_LOST)

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
        """Check the lock for ever, and take it again after it was lost; raises BootRefusedError."""
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._lost.wait(), _LOOK_SECONDS)
            with suppress(RequestError):
                await self.confirm()
                continue
            _LOG.warning("the lock on the database is lost; no request is answered")
            await self._take_again()
            _LOG.info("the lock on the database is held again")

    async def _take_again(self) -> None:
        while True:
            await self.release()
            try:
                async with asyncio.timeout(_ANSWER_SECONDS * 2):
                    return await self.take()
            except (LockHeldError, TargetError, TimeoutError) as error:
                _LOG.debug("the lock on the database cannot be taken yet", exc_info=error)
            await asyncio.sleep(_PAUSE_SECONDS)
