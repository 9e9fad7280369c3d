"""Work on the database that has to be done, also when the server restarts meanwhile or a connection is cut."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import asyncpg
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.watch import (
    FAILURES,
    SILENT_SECONDS,
    Activity,
    Backend,
    cancel,
    cut_off,
    read_activity,
    read_backend,
    watched,
)
from teleclaude.errors import TargetError

T = TypeVar("T")

RETRY_SECONDS = 60.0
"""How long a server may take to restart, in seconds."""

COMMIT_SECONDS = 10.0
"""A commit without an answer for so long is looked at, in seconds."""

_STANDBY_SECONDS = 1.0
"""Between looks at a commit that waits for a standby."""

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
                async with disposing(make_engine(url)) as engine, watched(engine) as connection:
                    # A standby that does not answer must not hold up what undoes a run, or looks for one.
                    await connection.exec_driver_sql("SET LOCAL synchronous_commit = local")
                    result = await work(connection)
                    await connection.commit()
                    return result
        except TargetError as error:
            if not _is_passing(error) or time.monotonic() > until:
                raise
        await asyncio.sleep(0.2)


def _is_passing(error: TargetError) -> bool:
    """Whether the database could not be reached for a reason that may pass."""
    cause = error.__cause__
    original = getattr(cause, "orig", None)
    return any(isinstance(each, _PASSING) for each in (cause, original, getattr(original, "__cause__", None)))


async def commit_and_know(
    connection: AsyncConnection,
    url: URL,
    has_arrived: Callable[[], Awaitable[bool]],
    waits_for_standby: Callable[[], None] = lambda: None,
    interrupts: Callable[[], int] | None = None,
) -> None:
    """Commit the transaction of `connection`; where the reply is lost, `has_arrived` decides.

    It asks on a new connection, and waits for the transaction to end. A commit that waits for a standby is waited for,
    after `waits_for_standby` was called, until an interrupt ends this waiting; it has committed then. No interrupt
    reaches the commit, because it would leave open whether anything is there. `interrupts` counts them, by default
    those of this task. Raises what the commit raised where nothing has arrived, and what `has_arrived` raises.
    """
    backend = await read_backend(connection)
    task = asyncio.current_task()
    assert task is not None
    try:
        commit = _Commit(connection, url, backend, interrupts or task.cancelling, waits_for_standby)
        await uninterrupted(commit.run())
    except Exception:
        if not await has_arrived():
            raise


@dataclass
class _Commit:
    """A commit, and looks at its server process while there is no answer."""

    connection: AsyncConnection
    url: URL
    backend: Backend
    interrupts: Callable[[], int]
    waits_for_standby: Callable[[], None]
    said: bool = False

    async def run(self) -> None:
        """Wait for the commit for as long as its server process works on it; raises what the commit raises."""
        commit = asyncio.ensure_future(self.connection.commit())
        while not (await asyncio.wait([commit], timeout=_STANDBY_SECONDS if self.said else COMMIT_SECONDS))[0]:
            activity = await self._look()
            if activity is None or activity.state != "active":
                # Gone, or the reply is lost, or nobody answers: what is there will tell.
                await cut_off(self.connection)
                break
            if activity.waits_for == "SyncRep":
                await self._wait_for_standby()
        await commit

    async def _look(self) -> Activity | None:
        with suppress(*FAILURES):
            async with asyncio.timeout(SILENT_SECONDS), disposing(make_engine(self.url)) as engine:
                return await read_activity(engine, self.backend)
        return None

    async def _wait_for_standby(self) -> None:
        if self.interrupts():
            with suppress(*FAILURES):
                async with asyncio.timeout(SILENT_SECONDS), disposing(make_engine(self.url)) as engine:
                    await cancel(engine, self.backend)
        elif not self.said:
            self.said = True
            self.waits_for_standby()


async def uninterrupted(work: Awaitable[T]) -> T:
    """Do `work` to its end, however often this task is cancelled meanwhile; `Task.cancelling` still tells."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([task])
    return task.result()
