"""The instance lock: at most one daemon or migration works on a database.

For SQLite it is flock(2) on the pid file that the single-user daemon has always used, for PostgreSQL an advisory lock
(PostgreSQL manual, section 13.3.5) that the server gives back when the connection ends, however it ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from teleclaude.db.engine import SHARED_SESSIONS
from teleclaude.errors import LockHeldError, TargetError

ADVISORY_KEY = 0x74656C65_636C6175
"""The letters "teleclau" as a number: one lock for each database, held by a session."""

WORK_KEY = ADVISORY_KEY + 1
"""Held by a transaction of a migration: it outlasts the session above, and ends with the transaction."""

HOLDERS = """
SELECT lock.pid, coalesce(nullif(activity.application_name, ''), 'a client')
FROM pg_locks AS lock LEFT JOIN pg_stat_activity AS activity USING (pid)
WHERE lock.locktype = 'advisory' AND lock.granted AND lock.pid <> pg_backend_pid()
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (lock.classid::bigint << 32 | lock.objid::bigint) IN (:key, :work)
LIMIT 1
"""
HELD_BY_US = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid())"
KEYS = {"key": ADVISORY_KEY, "work": WORK_KEY}


@contextmanager
def hold_pid_file(path: Path) -> Iterator[None]:
    """Hold the pid file as the daemon does: create it, lock it, write our pid, remove it at the end.

    Raises LockHeldError where another process holds it.
    """
    with path.open("a+") as file:
        _flock(file.fileno(), path)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def open_existing(path: Path) -> int:
    """Open a file to hold it; raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


@contextmanager
def hold_existing(
    path: Path, holder: str = "daemon", *, opener: Callable[[Path], int] = open_existing
) -> Iterator[None]:
    """Hold a file or a directory that is not ours to change, where there is one; not a byte is written.

    Raises LockHeldError where another process holds it, which is called a `holder`, and named where the system tells;
    and what the `opener` raises.
    """
    try:
        descriptor = opener(path)
    except FileNotFoundError:
        yield
        return
    try:
        _flock(descriptor, path, holder)
        yield
    finally:
        os.close(descriptor)


def _flock(descriptor: int, path: Path, holder: str = "daemon") -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = _find_holder(descriptor)
        who = f"a {holder}, process {pid}," if pid else f"a {holder}"
        raise LockHeldError(f"{who} holds {path}", f"stop that {holder}, or wait for its end", process=pid) from error


def _find_holder(descriptor: int) -> int | None:
    """Return who holds a lock on an open file, where the system tells: Linux does (proc(5), /proc/locks)."""
    inode = str(os.fstat(descriptor).st_ino)
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            # 1: FLOCK ADVISORY WRITE 4711 fe:00:1234 0 EOF
            if words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:
                return int(words[4])
    return None


@asynccontextmanager
async def hold_database(engine: AsyncEngine, patience: float = 0.0) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Hold the PostgreSQL database of `engine` on a connection of its own; yield a check that it is still held.

    Raises LockHeldError where a daemon or a migration holds it for longer than `patience`, in seconds. The check
    raises it where the connection, and with it the lock, is gone. Raises TargetError where a pooler shares sessions.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        try:
            await _refuse_shared_session(engine, connection)
            # The lock lives as long as this connection, which says nothing while the work goes on.
            await connection.execute(text("SET idle_session_timeout = 0"))
            until = time.monotonic() + patience
            while not await _try_hold(connection):
                if time.monotonic() >= until:
                    raise await _held_by_another(connection)
                await asyncio.sleep(0.1)
            yield lambda: _check_held(connection)
        finally:
            # Ends the session, and with it the lock, whatever state it is in.
            with suppress(DBAPIError, InvalidRequestError, asyncpg.InterfaceError, OSError):
                await connection.invalidate()


async def _refuse_shared_session(engine: AsyncEngine, connection: AsyncConnection) -> None:
    """Raise TargetError where a session of the server serves others between our transactions.

    That is what poolers do that give a session away at the end of a transaction (PgBouncer manual, "pool_mode"). A lock
    of a session is then anybody's: whoever is given the same session takes it a second time.
    """
    mine = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with engine.connect() as other:
        theirs = await other.scalar(text("SELECT pg_backend_pid()"))
        again = await connection.scalar(text("SELECT pg_backend_pid()"))
    if theirs == mine or again != mine:
        raise TargetError("the database is reached through a pooler that shares sessions", SHARED_SESSIONS)


async def _try_hold(connection: AsyncConnection) -> bool:
    if not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY}):
        return False
    # A migration whose session was cut off may still be in the middle of its transaction.
    if await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:work)"), {"work": WORK_KEY}):
        return True
    await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_KEY})
    return False


async def find_holder(connection: AsyncConnection) -> tuple[int, str] | None:
    """Return who else holds the database: a process of the server and what its client calls itself; None if nobody."""
    row = (await connection.execute(text(HOLDERS), KEYS)).first()
    return None if row is None else (row[0], row[1])


async def _held_by_another(connection: AsyncConnection) -> LockHeldError:
    holder = await find_holder(connection)
    who = f": {holder[1]}, server process {holder[0]}" if holder else ""
    end = f"SELECT pg_terminate_backend({holder[0]}) ends its connection" if holder else "run again"
    return LockHeldError(f"another daemon or migration works on the database{who}", f"stop it; {end}")


async def _check_held(connection: AsyncConnection) -> None:
    held = False
    with suppress(DBAPIError, asyncpg.InterfaceError, OSError):
        held = bool(await connection.scalar(text(HELD_BY_US)))
    if not held:
        raise LockHeldError(
            "the connection that kept others away from the database is gone", "see the log of the database; run again"
        )


async def work_alone(connection: AsyncConnection) -> None:
    """Keep every other migration and every daemon away until the transaction of `connection` ends.

    Waits for a transaction of ours that was cut off to end, for as long as `lock_timeout` says.
    """
    await connection.execute(text("SELECT pg_advisory_xact_lock(:work)"), {"work": WORK_KEY})
