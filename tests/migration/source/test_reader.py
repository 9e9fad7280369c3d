"""Reading the copy of an old database: in batches, and whatever bytes its texts are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleclaude.db.engine import make_reader
from teleclaude.errors import SourceError
from teleclaude.migration.source.reader import naming_large, read_rows


def test_a_batch_ends_with_the_row_that_fills_it() -> None:
    query = 'SELECT value FROM json_each(\'["x", "wide", "wide", "x", "x", "x"]\')'
    with make_reader(Path(":memory:")).connect() as reader:
        assert [len(rows) for rows in read_rows(reader, query, 2, 4)] == [2, 1, 2, 1]


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=3), max_size=8), st.integers(1, 3), st.integers(1, 8))
def test_rows_come_in_order_and_once_whatever_bytes_their_texts_are(texts: list[bytes], most: int, size: int) -> None:
    listed = json.dumps([text.hex() for text in texts])
    query = f"SELECT key, CAST(from_hex(value, 0) AS TEXT) FROM json_each('{listed}')"
    with make_reader(Path(":memory:"), {"from_hex": lambda value, _: bytes.fromhex(value)}).connect() as reader:
        rows = [row for batch in read_rows(reader, query, most, size) for row in batch]
    assert rows == [(place, text.decode("utf-8", "surrogateescape")) for place, text in enumerate(texts)]


def test_another_query_in_between_still_reads_every_text() -> None:
    query = "SELECT value FROM json_each('[1, 2]')"
    with make_reader(Path(":memory:")).connect() as reader:
        for _ in read_rows(reader, query, 1, 1):
            assert reader.exec_driver_sql("SELECT CAST(x'ff' AS TEXT)").scalar() == "\udcff"


@pytest.mark.parametrize("rows", [0, 1])
def test_a_value_beyond_the_limit_of_sqlite_names_its_table(rows: int) -> None:
    large = "SELECT CASE value WHEN 2 THEN hex(zeroblob(600000000)) END FROM json_each('[1, 2]') LIMIT -1 OFFSET "
    with make_reader(Path(":memory:")).connect() as reader, pytest.raises(SourceError) as caught, naming_large("wide"):
        list(read_rows(reader, f"{large}{rows}", 1, 1))
    assert "the table wide is too large" in caught.value.problem.message


def test_a_value_beyond_the_memory_names_its_table() -> None:
    with pytest.raises(SourceError) as caught, naming_large("wide"):
        raise MemoryError
    assert "the table wide is too large" in caught.value.problem.message
