"""Work on the database that has to be done, also when the server restarts meanwhile or a connection is cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.errors import TargetError

T = TypeVar("T")

RETRY_SECONDS = 60.0
"""How long a server may take to restart, in seconds."""

_PASSING = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DeadlockDetectedError,
)
"""The errors while a server stops, is stopped, and starts.

And a deadlock with another transaction, such as that of a killed migration.
"""


async def in_transaction(url: URL, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Do `work` in a transaction of its own on a new connection, again while the server cannot be reached.

    It may be done a second time after a commit whose reply was lost, so it must look at what is there. Raises
    TargetError where the server does not come back within RETRY_SECONDS, or refuses for another reason.
    """
    until = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            with explained(url):
                async with disposing(make_engine(url)) as engine, engine.begin() as connection:
                    return await work(connection)
        except TargetError as error:
            if not _is_passing(error) or time.monotonic() > until:
                raise
        await asyncio.sleep(0.2)


def _is_passing(error: TargetError) -> bool:
    """Whether the database could not be reached for a reason that may pass."""
    cause = error.__cause__
    original = getattr(cause, "orig", None)
    return any(isinstance(each, _PASSING) for each in (cause, original, getattr(original, "__cause__", None)))


async def commit_and_know(connection: AsyncConnection, has_arrived: Callable[[], Awaitable[bool]]) -> None:
    """Commit the transaction of `connection`; where the reply is lost, `has_arrived` decides.

    It asks on a new connection, and waits for the transaction to end. An interrupt does not reach the commit, because
    it would leave open whether anything is there. Raises what the commit raised where nothing has arrived, and what
    `has_arrived` raises.
    """
    try:
        await uninterrupted(connection.commit())
    except Exception:
        if not await has_arrived():
            raise


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Do `work` to its end, however often this task is cancelled meanwhile; `Task.cancelling` still tells."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()
