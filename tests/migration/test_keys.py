"""Of the rows that PostgreSQL would refuse for their key, the right ones are rejected."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import NullPool, create_engine

from teleclaude.migration.load.keys import KeyKeeper
from teleclaude.migration.plan.tables import ColumnPlan, TablePlan
from teleclaude.migration.values.column_types import LONGEST_KEY_BYTES, ColumnType

NULL, LONG = "the key is NULL", "the key is too long for an index"
CONVERTED, REPEATED = "the key is another row's after conversion", "the key is another row's as well"


def refuse(originals: Sequence[Any], stored: Sequence[Any], *, guarded: bool, batch: int = 100) -> list[str | None]:
    """Return what is said of each row, whose key was converted where it is stored as something else."""
    key = ColumnPlan("id", '"id"', ColumnType.TEXT, nullable=True, default=None)
    table = TablePlan("t", None, "t", (key,), ("id",), len(originals), unique_key=guarded)
    said: list[str | None] = []
    with create_engine("sqlite://", poolclass=NullPool).connect() as reader:
        reader.exec_driver_sql(f"CREATE TABLE t (id{' PRIMARY KEY' if guarded else ''})")
        if originals:
            reader.exec_driver_sql("INSERT INTO t VALUES (?)", [(original,) for original in originals])
        with closing(KeyKeeper(reader, table)) as keeper:
            for begin in range(0, len(stored), batch):
                rows = stored[begin : begin + batch]
                changed = {row for row, value in enumerate(rows) if value != originals[begin + row]}
                refused = keeper.refuse_rows([rows], changed)
                said += [refused.get(row) for row in range(len(rows))]
    return said


@pytest.mark.parametrize("guarded", [True, False])
def test_a_key_that_is_null_or_longer_than_an_index_takes_is_refused(guarded: bool) -> None:
    keys = [None, "a" * LONGEST_KEY_BYTES, "é" * LONGEST_KEY_BYTES, None]
    assert refuse(keys, keys, guarded=guarded) == [NULL, None, LONG, NULL]


@pytest.mark.parametrize("guarded", [True, False])
def test_a_converted_key_gives_way_to_a_row_that_has_it_from_the_beginning(guarded: bool) -> None:
    assert refuse(["a\0", "a␀"], ["a␀", "a␀"], guarded=guarded) == [CONVERTED, None]
    assert refuse([1, "1"], ["1", "1"], guarded=guarded) == [CONVERTED, None]


@pytest.mark.parametrize("guarded", [True, False])
def test_of_keys_that_conversion_makes_equal_the_first_is_held(guarded: bool) -> None:
    assert refuse([b"x", 1, b"y"], ["same", "1", "same"], guarded=guarded, batch=1) == [None, None, CONVERTED]


def test_of_keys_that_sqlite_let_repeat_the_first_is_held() -> None:
    keys = ["a", "b", "a", "c", "a"]
    assert refuse(keys, keys, guarded=False, batch=2) == [None, None, REPEATED, None, REPEATED]


KEYS = st.sampled_from([None, "a", "b", "1", 1, b"a", "k" * (LONGEST_KEY_BYTES + 1)])


def convert(key: Any) -> Any:
    return key.decode() if isinstance(key, bytes) else None if key is None else str(key)


@settings(deadline=None)
@given(st.lists(KEYS, max_size=12), st.integers(1, 5))
def test_what_is_held_has_every_key_once_and_all_that_is_refused_could_not_be_held(keys: list[Any], batch: int) -> None:
    stored = [convert(key) for key in keys]
    said = refuse(keys, stored, guarded=False, batch=batch)
    held = [key for key, reason in zip(stored, said, strict=True) if reason is None]
    assert len(held) == len(set(held))
    assert set(held) == {key for key in stored if key is not None and len(key) <= LONGEST_KEY_BYTES}
