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

PATIENCE_SECONDS = 60.0
"""How long a server may take to come back."""

PASSING = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DeadlockDetectedError,
)
"""What a server says, or what is heard of it, while it goes down, is down, and comes up.

And where a transaction crossed another, such as that of a daemon whose migration was killed.
"""


async def in_transaction(url: URL, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
    """Do `work` in a transaction of its own on a new connection, again while the server cannot be reached.

    It may be done a second time after a commit whose reply was lost, so it has to look at what stands. Raises
    TargetError where the server does not come back within PATIENCE_SECONDS, or refuses for another reason.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with explained(url):
                async with disposing(make_engine(url)) as engine, engine.begin() as connection:
                    return await work(connection)
        except TargetError as error:
            if not is_passing(error) or time.monotonic() > until:
                raise
        await asyncio.sleep(0.2)


def is_passing(error: TargetError) -> bool:
    """Whether the database could not be reached for a reason that may pass."""
    cause = error.__cause__
    original = getattr(cause, "orig", None)
    return any(isinstance(each, PASSING) for each in (cause, original, getattr(original, "__cause__", None)))


async def unstoppable(work: Coroutine[Any, Any, T]) -> T:
    """Do `work` to its end, however often this task is cancelled meanwhile; `Task.cancelling` still tells."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()
