"""The instance lock: at most one daemon or migration works on a database.

For SQLite it is flock(2) on the pid file that the single-user daemon has always used, for PostgreSQL an advisory lock
(PostgreSQL manual, section 13.3.5) that the server gives back when the connection ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.errors import LockHeldError

ADVISORY_KEY = 0x74656C65_636C6175
"""The letters "teleclau" as a number: one lock for each database."""


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
def hold_existing(path: Path, *, opener: Callable[[Path], int] = open_existing) -> Iterator[None]:
    """Hold the pid file of an installation that is not ours to change, where there is one; not a byte is written.

    Raises LockHeldError where another process holds it, and what the `opener` raises.
    """
    try:
        descriptor = opener(path)
    except FileNotFoundError:
        yield
        return
    try:
        _flock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _flock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LockHeldError(f"another process holds {path}", "stop the daemon that holds it") from error


@asynccontextmanager
async def hold_database(engine: AsyncEngine) -> AsyncIterator[None]:
    """Hold the PostgreSQL database of `engine` on a connection of its own.

    Raises LockHeldError where a daemon or a migration holds it.
    """
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        # The lock lives as long as this connection, which says nothing while the work goes on.
        await connection.execute(text("SET idle_session_timeout = 0"))
        held = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ADVISORY_KEY})
        if not held:
            raise LockHeldError(
                "another daemon or migration works on this database",
                "stop it; SELECT pid FROM pg_locks WHERE locktype = 'advisory' names its connection",
            )
        try:
            yield
        finally:
            await connection.invalidate()
