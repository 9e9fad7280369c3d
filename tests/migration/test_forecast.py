"""What the operator is told beforehand: how much there is to send and to store, how long it takes, what is left."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import TargetError
from teleclaude.migration.columns import ColumnType
from teleclaude.migration.detect import detect
from teleclaude.migration.events import Forecast, Progress
from teleclaude.migration.forecast import KEYS, LOAD, PROOF, Clock, check_room
from teleclaude.migration.options import Options
from teleclaude.migration.plan import make_plan
from teleclaude.migration.sampling import MANY_ROWS, SAMPLE_BYTES, SAMPLE_ROWS, Extent, measure, spread, take_sample
from teleclaude.migration.tables import ColumnPlan, TablePlan
from teleclaude.migration.transfer import transfer
from tests.sample import editing, query

MEGABYTE = 1 << 20


async def forecast_of(options: Options, folder: Path) -> Forecast:
    """Transfer, and return what was said before the load."""
    folder.mkdir()
    plan = make_plan(options, await detect(options, "run", folder, {}))
    plan.folder.mkdir(parents=True)
    (said,) = [event async for event in transfer(plan) if isinstance(event, Forecast)]
    return said


async def test_a_few_long_conversations_are_foreseen(
    sample: SampleInstallation, options: Options, target: URL, tmp_path: Path
) -> None:
    words = [f"{number:x}" for number in random.Random(5).choices(range(1 << 40), k=MEGABYTE // 4)]
    with editing(sample) as old:
        old.execute(
            "UPDATE mirrors SET conversation_text = ? WHERE id IN (SELECT id FROM mirrors LIMIT 12)", [" ".join(words)]
        )
        (changed,) = old.execute("SELECT count(*) FROM mirrors WHERE length(conversation_text) > 1000000").fetchone()
    said = await forecast_of(options, tmp_path / "private")
    ((stored,),) = await query(target, "SELECT pg_total_relation_size('mirrors') / 1e6")
    assert said.megabytes == pytest.approx(changed * len(" ".join(words)) / 1e6, rel=0.1)
    assert said.disk_megabytes == pytest.approx(float(stored), rel=0.4)
    assert said.seconds > 0


async def test_small_tables_are_counted_without_a_sample(options: Options, tmp_path: Path) -> None:
    said = await forecast_of(options, tmp_path / "private")
    assert said.seconds == 0
    assert 0 < said.megabytes <= said.disk_megabytes < 1


async def test_a_disk_too_small_for_the_database_refuses(target_engine: AsyncEngine) -> None:
    async with target_engine.connect() as connection:
        with pytest.raises(TargetError, match="will need about 1000000000 MB"):
            await check_room(connection, Forecast(1, 1.0, disk_megabytes=1e9, seconds=1.0))


async def test_a_disk_with_room_enough_is_passed_over(target_engine: AsyncEngine) -> None:
    async with target_engine.connect() as connection:
        await check_room(connection, Forecast(1, 1.0, disk_megabytes=0.1, seconds=1.0))


class Hands:
    """A clock face that a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds


def left(clock: Clock, phase: str, table: str, done: int, total: int) -> float | None:
    return clock.tell(phase, Progress(table, done, total)).left


def test_before_anything_is_done_all_of_the_forecast_is_left() -> None:
    clock = Clock({(LOAD, "t"): 30.0, (PROOF, "t"): 10.0}, Hands().now)
    assert left(clock, KEYS, "keys", 0, 1) == 40


def test_what_took_twice_as_long_as_foreseen_doubles_what_is_left() -> None:
    hands = Hands()
    clock = Clock({(LOAD, "t"): 30.0, (PROOF, "t"): 10.0}, hands.now)
    hands.seconds += 30
    assert left(clock, LOAD, "t", 50, 100) == pytest.approx(50)


def test_a_phase_that_is_over_counts_for_all_tables() -> None:
    hands = Hands()
    clock = Clock({(KEYS, "t"): 10.0, (KEYS, "u"): 10.0, (PROOF, "t"): 5.0}, hands.now)
    hands.seconds += 20
    clock.end(KEYS)
    assert left(clock, PROOF, "t", 0, 1) == pytest.approx(5)


def test_where_nothing_was_measured_nobody_knows_what_is_left() -> None:
    assert left(Clock({}), LOAD, "t", 1, 2) is None


TEXT = ColumnPlan("text", '"text"', ColumnType.TEXT, nullable=True, default=None)


def in_memory() -> Engine:
    """Return an engine whose databases end, and are closed, with their connections."""
    return create_engine("sqlite://", poolclass=NullPool)


def fill(reader: Connection, ids: set[int], content: str, more: str = "") -> TablePlan:
    reader.exec_driver_sql(f"CREATE TABLE t (id INTEGER PRIMARY KEY, text TEXT){more}")
    reader.exec_driver_sql("INSERT INTO t VALUES (?, ?)", [(number, content) for number in sorted(ids)])
    return TablePlan("t", None, "t", (TEXT,), ("id",), len(ids))


def count(reader: Connection, part: TablePlan) -> int:
    return len(reader.exec_driver_sql(part.select).all())


@settings(max_examples=100, deadline=None)
@given(st.sets(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=60), st.integers(1, 40))
def test_a_sample_is_never_empty_nor_larger_than_asked_whatever_the_ids_are(ids: set[int], most: int) -> None:
    with in_memory().connect() as reader:
        assert 1 <= count(reader, spread(fill(reader, ids, "x"), reader, most)) <= most


def test_a_sample_comes_from_all_over_the_table() -> None:
    with in_memory().connect() as reader:
        part = spread(fill(reader, set(range(800)), "x"), reader, 8)
        found = reader.exec_driver_sql(f"SELECT id FROM t{part.part}").scalars().all()
    assert [number // 100 for number in found] == list(range(8))


def test_a_table_without_rowids_is_sampled_from_its_beginning() -> None:
    with in_memory().connect() as reader:
        assert count(reader, spread(fill(reader, set(range(50)), "x", " WITHOUT ROWID"), reader, 7)) == 7


def test_a_few_rows_are_measured_to_the_byte() -> None:
    with in_memory().connect() as reader:
        table = fill(reader, {1, 2, 3}, "é")
        reader.exec_driver_sql("INSERT INTO t VALUES (4, NULL)")
        assert measure(table, reader) == Extent(table, 4, 6)


def test_many_rows_are_measured_by_a_sample_of_them() -> None:
    with in_memory().connect() as reader:
        table = fill(reader, set(range(MANY_ROWS + 1)), "four")
        assert measure(table, reader) == Extent(table, MANY_ROWS + 1, 4 * (MANY_ROWS + 1))


@pytest.mark.parametrize(
    ("content", "rows"), [("x", SAMPLE_ROWS), ("x" * (SAMPLE_BYTES // 2), 2), ("x" * MEGABYTE * 3, 1)]
)
def test_a_sample_has_as_many_rows_as_its_bytes_allow(content: str, rows: int) -> None:
    with in_memory().connect() as reader:
        table = fill(reader, set(range(SAMPLE_ROWS * 2 if len(content) == 1 else 5)), content)
        assert take_sample(measure(table, reader), reader).rows == rows
