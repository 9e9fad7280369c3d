"""A commit is not cut off, and where its reply is lost a question decides."""

import asyncio

import pytest
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from teleclaude.db import retry
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.retry import commit_and_know, in_transaction
from tests.crash.machine import own_server
from tests.support.sample import query

SLOW_COMMIT = """
CREATE TABLE kept (n int);
CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON kept DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait();
"""


async def no() -> bool:
    return False


@pytest.fixture
async def slow(target: URL) -> None:
    """Make a table whose rows take a second to commit."""
    for statement in SLOW_COMMIT.strip().split("\n"):
        await query(target, statement)


async def test_an_interrupt_does_not_reach_a_commit(slow: None, target: URL, target_engine: AsyncEngine) -> None:
    async with target_engine.connect() as connection:
        await connection.exec_driver_sql("INSERT INTO kept VALUES (1)")
        task = asyncio.create_task(commit_and_know(connection, target, no))
        await asyncio.sleep(0.3)
        task.cancel()
        await task
    assert await query(target, "SELECT n FROM kept") == [(1,)]


async def test_what_is_refused_at_the_commit_is_raised(slow: None, target: URL, target_engine: AsyncEngine) -> None:
    await query(target, "ALTER TABLE kept ADD UNIQUE (n) DEFERRABLE INITIALLY DEFERRED")
    async with target_engine.connect() as connection:
        await connection.exec_driver_sql("INSERT INTO kept VALUES (1), (1)")
        with pytest.raises(Exception, match="duplicate key value"):
            await commit_and_know(connection, target, no)
    assert await query(target, "SELECT n FROM kept") == []


async def test_a_commit_that_waits_for_a_standby_says_so_and_an_interrupt_ends_the_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "COMMIT_SECONDS", 0.2)
    monkeypatch.setattr(retry, "_STANDBY_SECONDS", 0.2)

    async def count(connection: AsyncConnection) -> int:
        await connection.exec_driver_sql("INSERT INTO kept VALUES (2)")
        return int((await connection.exec_driver_sql("SELECT count(*) FROM kept")).scalar_one())

    with own_server() as server:
        await query(server.url, "CREATE TABLE kept (n int)")
        with (server.folder / "data/postgresql.conf").open("a") as settings:
            settings.write("synchronous_standby_names = '*'\n")
        await query(server.url, "SELECT pg_reload_conf()")
        waits = asyncio.Event()
        async with asyncio.timeout(20), disposing(make_engine(server.url)) as engine, engine.connect() as connection:
            await connection.exec_driver_sql("INSERT INTO kept VALUES (1)")
            task = asyncio.create_task(commit_and_know(connection, server.url, no, waits.set))
            await waits.wait()
            assert not task.done()
            task.cancel()
            await task
            # What looks at the row, or empties the target, is not held up in the same way.
            assert await in_transaction(server.url, count) == 2
