import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import URL, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine, make_reader
from teleclaude.db.models import AuditLog
from teleclaude.db.url import parse_url
from teleclaude.errors import TargetError
from tests.support.sample import files_below


async def test_libpq_parameters_reach_the_server(target: URL) -> None:
    url = target.update_query_dict({"application_name": "tale", "options": "-c work_mem=7MB", "connect_timeout": "9"})
    async with disposing(make_engine(url)) as engine, engine.connect() as connection:
        for setting, value in (("application_name", "tale"), ("work_mem", "7MB")):
            assert (await connection.exec_driver_sql(f"SHOW {setting}")).scalar() == value


async def test_a_read_only_engine_cannot_write_to_postgresql(target: URL) -> None:
    async with disposing(make_engine(target, read_only=True)) as engine, engine.connect() as connection:
        with pytest.raises(DBAPIError, match="read-only"):
            await connection.exec_driver_sql("CREATE TABLE t (x int)")


async def test_a_read_only_engine_cannot_write_to_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "file with ? and # and %.db"
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("CREATE TABLE t (x)")
    url = parse_url("sqlite://").set(database=str(path))
    async with disposing(make_engine(url, read_only=True)) as engine, engine.connect() as connection:
        with pytest.raises(OperationalError, match="readonly"):
            await connection.exec_driver_sql("CREATE TABLE u (x int)")


async def test_a_wrong_password_is_one_sentence_without_it(server_url: URL) -> None:
    url = server_url.set(password="not-this-one")
    with pytest.raises(TargetError, match="password authentication failed") as caught, explained(url):
        async with make_engine(url).connect():
            pass
    assert "not-this-one" not in caught.value.problem.message
    assert "PGPASSWORD" in caught.value.problem.hint


@pytest.fixture
def server_url(target: URL) -> URL:
    return target


def test_a_reader_changes_no_byte_of_a_database_with_a_wal(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    writer = sqlite3.connect(path)
    writer.executescript("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1);")
    before = {name: digest for name, digest in files_below(tmp_path).items() if not name.endswith("-shm")}
    assert "x.db-wal" in before
    engine = make_reader(path)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT x FROM t").scalar() == 1
    engine.dispose()
    after = {name: digest for name, digest in files_below(tmp_path).items() if not name.endswith("-shm")}
    assert after == before
    writer.close()


def test_a_reader_loses_no_byte_of_a_text(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("CREATE TABLE t AS SELECT CAST(x'61ff00c3a9' AS TEXT) AS a, x'61ff' AS b")
    with make_reader(path).connect() as connection:
        text, blob = connection.exec_driver_sql("SELECT a, b FROM t").one()
    assert text.encode("utf-8", "surrogateescape") == b"a\xff\x00\xc3\xa9"
    assert blob == b"a\xff"


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path, target: URL) -> URL:
    return target if request.param == "postgresql" else parse_url(f"sqlite:///{tmp_path / 'new.db'}")


async def test_a_moment_comes_back_aware_and_equal(either: URL) -> None:
    moment = datetime(2026, 3, 15, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    async with disposing(make_engine(either)) as engine, engine.begin() as connection:
        await connection.run_sync(schema.upgrade)
        await connection.execute(insert(AuditLog).values(actor_person="Ada", action_type="read", timestamp=moment))
        found = await connection.scalar(select(AuditLog.timestamp))
    assert found == moment
    assert found.tzinfo is UTC


async def test_a_naive_moment_is_refused(either: URL) -> None:
    async with disposing(make_engine(either)) as engine, engine.begin() as connection:
        await connection.run_sync(schema.upgrade)
        naive = insert(AuditLog).values(actor_person="Ada", action_type="read", timestamp=datetime(2026, 1, 1))
        with pytest.raises(Exception, match="needs its offset"):
            await connection.execute(naive)


async def test_a_hint_of_postgresql_is_passed_on(target: URL) -> None:
    refuse = "DO $$ BEGIN RAISE EXCEPTION 'no room' USING HINT = 'Free some disk space.'; END $$"
    with pytest.raises(TargetError, match="no room") as caught, explained(target):
        async with disposing(make_engine(target)) as engine, engine.connect() as connection:
            await connection.exec_driver_sql(refuse)
    assert caught.value.problem.hint == "Free some disk space."


async def test_a_database_that_is_missing_is_to_be_created(target: URL) -> None:
    url = target.set(database="not_there")
    with pytest.raises(TargetError, match="does not exist") as caught, explained(url):
        async with make_engine(url).connect():
            pass
    assert caught.value.problem.hint.startswith(
        "correct its name in the URL, or create it: CREATE DATABASE not_there OWNER "
    )


async def test_an_error_of_postgresql_quotes_no_value(target: URL) -> None:
    async with disposing(make_engine(target)) as engine, engine.connect() as connection:
        with pytest.raises(DBAPIError) as caught:
            await connection.execute(text("SELECT 1 / 0, CAST(:value AS text)"), {"value": "a secret"})
    assert "a secret" not in str(caught.value)


def test_an_error_of_a_copy_quotes_no_value(tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    sqlite3.connect(path).close()
    with make_reader(path).connect() as connection, pytest.raises(DBAPIError) as caught:
        connection.execute(text("SELECT :value FROM nowhere"), {"value": "a secret"})
    assert "a secret" not in str(caught.value)


def test_a_file_that_may_not_be_opened_is_no_error_of_the_database(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), explained(parse_url("postgresql://h/d")):
        (tmp_path / "gone").read_text()
