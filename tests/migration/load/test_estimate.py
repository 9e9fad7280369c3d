"""What the operator is told beforehand: how much there is, whether it fits on the disk, how much time is left."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.db.engine import make_reader
from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import TargetError
from teleclaude.migration.discover import discover
from teleclaude.migration.load.estimate import Clock, check_room, make_forecast, read_size
from teleclaude.migration.plan.plan import make_plan
from teleclaude.migration.report.events import Finding, Forecast, Progress, Severity
from teleclaude.migration.source.installation import SourceTable
from teleclaude.migration.source.options import Options
from teleclaude.migration.steps.transfer import transfer
from tests.support.sample import editing

MEGABYTE = 1 << 20
SEARCH = tuple(
    SourceTable(f"notes_fts{suffix}", (), 0, search_index=True)
    for suffix in ("", "_data", "_idx", "_docsize", "_config")
)


@contextmanager
def filled(path: Path, *more: str) -> Iterator[Connection]:
    """Read a database with a table of five megabytes, after some more statements."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body)")
        numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5)"
        database.execute(f"INSERT INTO notes {numbers} SELECT i, randomblob({MEGABYTE}) FROM n")
        for statement in more:
            database.execute(statement)
    engine = make_reader(path)
    with engine.connect() as reader:
        yield reader
    engine.dispose()


def test_the_size_of_a_database_is_that_of_its_rows(tmp_path: Path) -> None:
    with filled(tmp_path / "old.db") as reader:
        assert read_size(reader, ()) == pytest.approx(5 * MEGABYTE, rel=0.02)


def test_pages_that_are_free_count_for_nothing(tmp_path: Path) -> None:
    with filled(tmp_path / "old.db", "DELETE FROM notes WHERE id > 2") as reader:
        assert (tmp_path / "old.db").stat().st_size > 5 * MEGABYTE
        assert read_size(reader, ()) == pytest.approx(2 * MEGABYTE, rel=0.02)


def test_the_full_text_search_counts_for_nothing(tmp_path: Path) -> None:
    create = "CREATE VIRTUAL TABLE notes_fts USING fts5(body, content = '')"
    words = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
    insert = f"INSERT INTO notes_fts (rowid, body) {words} SELECT i, hex(randomblob(30)) FROM n"
    with filled(tmp_path / "old.db", create, insert) as reader:
        if not reader.exec_driver_sql("PRAGMA compile_options").scalars().all().count("ENABLE_DBSTAT_VTAB"):
            pytest.skip("this SQLite does not tell what a table takes")
        assert read_size(reader, ()) > 6 * MEGABYTE
        assert read_size(reader, SEARCH) == pytest.approx(5 * MEGABYTE, rel=0.2)


async def test_the_forecast_counts_the_rows_of_both_databases_and_their_pages(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    with editing(sample) as old:
        old.execute("CREATE TABLE films (body)")
        old.execute(f"INSERT INTO films VALUES (randomblob({5 * MEGABYTE}))")
    private = tmp_path / "private"
    private.mkdir()
    plan = make_plan(options, await discover(options, "run", private, {}))
    plan.folder.mkdir(parents=True)
    events = [event async for event in transfer(plan)]
    (said,) = [event for event in events if isinstance(event, Forecast)]
    assert said.rows == sum(table.rows for table in plan.tables)
    files = sum(database.copy.stat().st_size for database in plan.databases)
    assert 5 * MEGABYTE < said.megabytes * 1e6 <= files
    left = [event.left for event in events if isinstance(event, Progress) and event.done]
    assert left[-1] == 0
    assert all(seconds is not None and seconds >= 0 for seconds in left)


def forecast(megabytes: float) -> Forecast:
    return make_forecast((), round(megabytes * 1e6))


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every disk a hundred megabytes; no test can fill a real one."""
    usage = psutil.disk_usage("/")
    monkeypatch.setattr(psutil, "disk_usage", lambda _path: usage._replace(free=100_000_000))


@pytest.mark.usefixtures("free")
async def test_a_disk_without_room_for_half_of_the_database_refuses(target_engine: AsyncEngine) -> None:
    async with target_engine.connect() as connection:
        with pytest.raises(TargetError, match="needs about 250 MB"):
            await check_room(connection, forecast(200))


@pytest.mark.usefixtures("free")
async def test_a_disk_with_room_for_half_of_the_database_is_a_warning(target_engine: AsyncEngine) -> None:
    async with target_engine.connect() as connection:
        finding = await check_room(connection, forecast(100))
    assert isinstance(finding, Finding)
    assert finding.severity is Severity.WARNING
    assert "needs about 125 MB" in finding.problem.message


@pytest.mark.usefixtures("free")
async def test_a_disk_with_room_enough_is_passed_over(target_engine: AsyncEngine) -> None:
    async with target_engine.connect() as connection:
        assert await check_room(connection, forecast(79)) is None


class Hands:
    """A clock face that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds


def left(clock: Clock, done: int) -> float | None:
    return clock.tell(Progress("t", done, 100)).left


def test_before_anything_is_done_the_time_left_is_not_known() -> None:
    assert left(Clock(100), 0) is None


def test_what_is_left_follows_the_rate_so_far_and_each_row_is_compared_as_well() -> None:
    hands = Hands()
    clock = Clock(100, hands.now)
    hands.seconds += 30
    assert left(clock, 50) == pytest.approx(90)
    hands.seconds += 30
    assert left(clock, 50) == pytest.approx(180)


def test_tables_that_are_over_count_with_the_one_that_runs() -> None:
    hands = Hands()
    clock = Clock(100, hands.now)
    clock.finish(80)
    clock.finish(20)
    clock.finish(80)
    hands.seconds += 19
    assert left(clock, 10) == pytest.approx(1)
