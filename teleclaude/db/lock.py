"""The lock on a PostgreSQL database: at most one daemon or migration works on it.

It is an advisory lock (PostgreSQL manual, section 13.3.5) that the server releases when the connection ends. A
single-user daemon locks a file instead (`file_lock`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from teleclaude.db import problems
from teleclaude.db.watch import FAILURES, SILENT_SECONDS
from teleclaude.errors import LockHeldError, TargetError

ADVISORY_KEY = 0x74656C65_636C6175
"""The letters "teleclau" as a number: one lock for each database, held by a session."""

_WORK_KEY = ADVISORY_KEY + 1
"""Held by the transaction of a migration, which may outlast the session above."""

_HOLDERS = """
SELECT lock.pid AS process, coalesce(nullif(application_name, ''), 'a client without a name') AS client,
       coalesce(usename::text, 'of nobody') AS role,
       CASE WHEN client_addr IS NOT NULL THEN host(client_addr) WHEN client_port = -1 THEN 'the computer of the server'
            ELSE 'a host that only its own role may see' END AS host
FROM pg_locks AS lock LEFT JOIN pg_stat_activity AS activity USING (pid)
WHERE lock.locktype = 'advisory' AND lock.granted AND lock.pid <> pg_backend_pid()
  AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (lock.classid::bigint << 32 | lock.objid::bigint) IN (:key, :work)
LIMIT 1
"""
_HELD_BY_US = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid())"
_SETTINGS = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    # A reader of a table that must change does not keep others waiting behind us for longer.
    "SET LOCAL lock_timeout = '30s'",
    "SET LOCAL client_connection_check_interval = '10s'",
    # Known to PostgreSQL 17 and newer.
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'transaction_timeout'",
)
"""For a transaction: no limit ends it, and the server notices a dead client (PostgreSQL manual, chapter 20)."""

_KEYS = {"key": ADVISORY_KEY, "work": _WORK_KEY}


@asynccontextmanager
async def hold_database(engine: AsyncEngine, wait_seconds: float = 0.0) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Hold the PostgreSQL database of `engine` on a connection of its own; yield a check that it is still held.

    Raises LockHeldError where a daemon or a migration holds it for longer than `wait_seconds`. The check
    raises it where the connection, and with it the lock, is gone. Raises TargetError where a pooler shares sessions.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        try:
            async with asyncio.timeout(SILENT_SECONDS + wait_seconds):
                await _take(engine, connection, wait_seconds)
            yield lambda: _check_held(connection)
        finally:
            # Ends the session, and with it the lock, in any state.
            with suppress(*FAILURES):
                await connection.invalidate()


async def _take(engine: AsyncEngine, connection: AsyncConnection, wait_seconds: float) -> None:
    await _refuse_shared_session(engine, connection)
    # The lock ends with this connection, which is idle while the work goes on.
    await connection.execute(text("SET idle_session_timeout = 0"))
    until = time.monotonic() + wait_seconds
    while not await _try_hold(connection):
        if time.monotonic() >= until:
            raise await _held_by_another(connection)
        await asyncio.sleep(0.1)


async def _refuse_shared_session(engine: AsyncEngine, connection: AsyncConnection) -> None:
    """Raise TargetError where a session of the server serves others between our transactions.

    A pooler does so that reuses a session at the end of a transaction (PgBouncer manual, "pool_mode"). Any client of
    the same session could then take the lock of the session a second time.
    """
    mine = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with engine.connect() as other:
        theirs = await other.scalar(text("SELECT pg_backend_pid()"))
        again = await connection.scalar(text("SELECT pg_backend_pid()"))
    if theirs == mine or again != mine:
        raise TargetError(problems.SHARED_SESSIONS)


async def _try_hold(connection: AsyncConnection) -> bool:
    if not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY}):
        return False
    # A migration whose session was cut off may still be in the middle of its transaction.
    if await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:work)"), {"work": _WORK_KEY}):
        return True
    await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_KEY})
    return False


@dataclass(frozen=True)
class DatabaseHolder:
    """A session of the server that holds the database."""

    process: int
    """The id of the server process."""
    client: str
    """Its `application_name`."""
    role: str
    host: str
    """Where its client runs, for a message."""


async def find_holder(connection: AsyncConnection) -> DatabaseHolder | None:
    """Return another holder of the database; None if there is none."""
    row = (await connection.execute(text(_HOLDERS), _KEYS)).first()
    return None if row is None else DatabaseHolder(**row._asdict())


async def _held_by_another(connection: AsyncConnection) -> LockHeldError:
    holder = await find_holder(connection)
    return LockHeldError(problems.DATABASE_HELD if holder is None else problems.DATABASE_HELD_BY.fill(**asdict(holder)))


async def _check_held(connection: AsyncConnection) -> None:
    held = False
    with suppress(*FAILURES):
        async with asyncio.timeout(SILENT_SECONDS):
            held = bool(await connection.scalar(text(_HELD_BY_US)))
    if not held:
        raise LockHeldError(problems.LOCK_LOST)


async def work_alone(connection: AsyncConnection) -> None:
    """Keep every other migration and daemon out until the transaction of `connection` ends.

    Waits for a transaction of ours that was cut off to end, for as long as `lock_timeout` says. Nothing else limits the
    transaction.
    """
    for setting in _SETTINGS:
        await connection.exec_driver_sql(setting)
    await connection.execute(text("SELECT pg_advisory_xact_lock(:work)"), {"work": _WORK_KEY})
