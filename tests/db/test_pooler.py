"""A database behind PgBouncer: what a pool of sessions allows, and what a pool of transactions must not get."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import hold_database
from teleclaude.errors import LockHeldError, TargetError

pytestmark = pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="there is no pgbouncer here")
NOBODY = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def pooling(target: URL, mode: str) -> Iterator[URL]:
    """Run PgBouncer before the database as its manual has it, and yield where it is."""
    with tempfile.TemporaryDirectory(prefix="tc-") as name:
        folder, port = Path(name), free_port()
        server = f"host={target.query['host']} user={target.username} password={target.password}"
        (folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = {server}\n[pgbouncer]\npool_mode = {mode}\nauth_type = any\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            "ignore_startup_parameters = extra_float_digits\n"
        )
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)
        pooler = subprocess.Popen(["pgbouncer", "-q", str(folder / "pgbouncer.ini")], user=NOBODY, cwd="/")
        try:
            wait_for(port)
            yield target.set(host="127.0.0.1", port=port, query={})
        finally:
            pooler.terminate()
            pooler.wait()


def wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("PgBouncer does not listen")


@pytest.fixture
async def session_pool(target: URL) -> AsyncIterator[AsyncEngine]:
    with pooling(target, "session") as url:
        async with disposing(make_engine(url)) as engine:
            yield engine


async def test_a_pool_of_sessions_keeps_the_lock_for_one(session_pool: AsyncEngine, target_engine: AsyncEngine) -> None:
    async with hold_database(session_pool) as check:
        await check()
        for engine in (session_pool, target_engine):
            with pytest.raises(LockHeldError):
                async with hold_database(engine):
                    pass
    async with hold_database(target_engine, wait_seconds=5):
        pass


async def test_a_read_only_engine_cannot_write_through_a_pool_of_sessions(target: URL) -> None:
    with pooling(target, "session") as url:
        async with disposing(make_engine(url, read_only=True)) as engine, engine.connect() as connection:
            with pytest.raises(DBAPIError, match="read-only"):
                await connection.execute(text("CREATE TABLE t ()"))


async def test_a_pool_of_transactions_is_refused(target: URL) -> None:
    with pooling(target, "transaction") as url:
        async with disposing(make_engine(url)) as engine:
            with pytest.raises(TargetError) as refused, explained(url):
                async with hold_database(engine):
                    pass
    assert "pool_mode = session" in refused.value.problem.hint


async def test_a_pool_of_transactions_that_takes_prepared_statements_is_refused(target: URL) -> None:
    # As PgBouncer 1.21 and newer do: names of statements that never meet stand for that here.
    plain = {"statement_cache_size": 0, "prepared_statement_name_func": lambda: f"s{uuid.uuid4().hex}"}
    with pooling(target, "transaction") as url:
        engine = create_async_engine(url.update_query_dict({"prepared_statement_cache_size": "0"}), connect_args=plain)
        async with disposing(engine):
            with pytest.raises(TargetError, match="through a pooler that shares sessions"):
                async with hold_database(engine):
                    pass
