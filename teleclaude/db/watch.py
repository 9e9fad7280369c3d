"""A connection whose server is watched: a statement may be long, but not silent.

While it is in use, a second connection asks whether its server process still works. Where the question has no answer
for too long, the connection is cut off, and what waits for it ends. The connection that holds the lock does not ask: a
question that is given up closes its connection, and the lock would be gone before the undo.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

ASK_SECONDS = 15.0
"""Between two questions."""

SILENT_SECONDS = 60.0
"""After so long without an answer the server counts as gone."""

_QUESTION = """
SELECT state, wait_event, state_change, bytes_processed
FROM pg_stat_activity LEFT JOIN pg_stat_progress_copy USING (pid)
WHERE pid = :pid AND backend_start = :begun
"""
FAILURES = (DBAPIError, InvalidRequestError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


@dataclass(frozen=True)
class Backend:
    """A server process: a number may be given to another one later."""

    pid: int
    begun: Any


@dataclass(frozen=True)
class Activity:
    """What a server process does."""

    state: str | None
    waits_for: str | None
    since: Any = None
    copied: int | None = None


def is_alive(before: Activity | None, now: Activity | None, *, waiting: bool) -> bool:
    """Whether a server process and we still hear each other; `waiting`: we wait for the end of a statement.

    A process that waits for us while we wait for it has lost what was sent; COPY gets there only for a moment.
    """
    if now is None:
        return False
    if now.state == "active" and now.waits_for != "ClientRead":
        return True
    if now.state != "active" and not waiting:
        return True
    return now != before


async def read_backend(connection: AsyncConnection) -> Backend:
    """Return the server process of a connection; raises TimeoutError where it does not answer."""
    query = text("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()")
    async with asyncio.timeout(SILENT_SECONDS):
        return Backend(*(await connection.execute(query)).one())


async def read_activity(engine: AsyncEngine, backend: Backend) -> Activity | None:
    """Return what a server process does, None where it is gone; asked on another connection."""
    async with engine.connect() as connection:
        # Without a transaction, so that nothing has to be rolled back on a network that fell silent meanwhile.
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        row = (await connection.execute(text(_QUESTION), {"pid": backend.pid, "begun": backend.begun})).first()
    return None if row is None else Activity(*row)


async def cancel(engine: AsyncEngine, backend: Backend) -> None:
    """Cancel what a server process does; a commit that waits for a standby has committed then."""
    query = text("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = :pid AND backend_start = :begun")
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(query, {"pid": backend.pid, "begun": backend.begun})


@dataclass
class _Watch:
    engine: AsyncEngine
    connection: AsyncConnection
    waiting: bool = False
    silent: bool = False
    seen: Activity | None = field(default=None)

    def listen(self) -> None:
        """Keep whether a statement runs on the connection."""

        def begin(connection: Any, *_: Any) -> None:
            self.waiting |= connection is self.connection.sync_connection

        def end(connection: Any, *_: Any) -> None:
            self.waiting &= connection is not self.connection.sync_connection

        event.listen(self.engine.sync_engine, "before_cursor_execute", begin)
        event.listen(self.engine.sync_engine, "after_cursor_execute", end)
        event.listen(self.engine.sync_engine, "handle_error", lambda context: end(context.connection))

    async def ask_for_ever(self, backend: Backend) -> None:
        """Ask until nothing was answered for too long, and cut the connection off."""
        alive = time.monotonic()
        while time.monotonic() < alive + SILENT_SECONDS:
            await asyncio.sleep(min(ASK_SECONDS, SILENT_SECONDS))
            with suppress(*FAILURES):
                async with asyncio.timeout(max(alive + SILENT_SECONDS - time.monotonic(), 0.1)):
                    now = await read_activity(self.engine, backend)
                if is_alive(self.seen, now, waiting=self.waiting):
                    alive = time.monotonic()
                self.seen = now
        self.silent = True
        await cut_off(self.connection)


async def cut_off(connection: AsyncConnection) -> None:
    """Close a connection without a word to its server; what waits for it raises an error."""
    with suppress(*FAILURES):
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        driver.terminate()


@asynccontextmanager
async def watched(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Connect, and watch the server for as long as the context lasts; after an error the session is ended.

    Raises TimeoutError where the server fell silent.
    """
    async with engine.connect() as connection:
        watch = _Watch(engine, connection)
        watch.listen()
        question: asyncio.Task[None] | None = None
        try:
            question = asyncio.create_task(watch.ask_for_ever(await read_backend(connection)))
            yield connection
        except BaseException as error:
            # A rollback could wait for ever; the end of the session is one, too.
            with suppress(*FAILURES):
                await connection.invalidate()
            if watch.silent and isinstance(error, Exception):
                raise TimeoutError from error
            raise
        finally:
            if question is not None:
                question.cancel()
                await asyncio.wait([question])
