"""The ledger's lines are found wherever they are, and few of them are in memory."""

import tracemalloc
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleclaude.errors import SourceError
from teleclaude.migration.state.ledger import Entry, LedgerIndex, from_plain, index_ledger, open_ledger, to_plain


@asynccontextmanager
async def written(folder: Path, lines: Iterable[tuple[int, Any, str]]) -> AsyncIterator[LedgerIndex]:
    path = folder / "lines.jsonl"
    path.unlink(missing_ok=True)
    with open_ledger(path) as ledger:
        for number, original, stored in lines:
            ledger.write(Entry("notes", (number,), "body", "rule", original, stored))
            ledger.write(Entry("others", (number,), "body", "rule", original, "another table's"))
    async with index_ledger(path, folder) as index:
        yield index


VALUES = st.sampled_from((1, 1.0, "1", b"1", None, 0.0, -0.0, "\udcff"))


@settings(max_examples=60)
@given(
    lines=st.lists(st.tuples(st.integers(1, 4), VALUES, st.text(max_size=2)), max_size=12),
    asked=st.lists(st.tuples(st.integers(1, 4), VALUES), max_size=12),
)
async def test_every_line_of_a_value_is_found_in_whatever_order_they_stand_and_are_asked_for(
    tmp_path_factory: Any, lines: list[tuple[int, Any, str]], asked: list[tuple[int, Any]]
) -> None:
    async with written(tmp_path_factory.mktemp("lines"), lines) as index:
        for number, original in asked:
            found = [entry.stored for entry in index.find("notes", (number,), "body", original)]
            assert found == [stored for key, value, stored in lines if (key, repr(value)) == (number, repr(original))]


async def test_another_value_with_the_same_hash_is_not_found(tmp_path: Path) -> None:
    async with written(tmp_path, [(1, "raw", "x"), (2, "raw", "y")]) as index:
        (same,) = index.places.execute("SELECT hash FROM lines ORDER BY place LIMIT 1").fetchone()
        index.places.execute("UPDATE lines SET hash = ?", (same,))
        assert [entry.stored for entry in index.find("notes", (1,), "body", "raw")] == ["x"]


async def test_one_search_in_the_middle_of_another_disturbs_neither(tmp_path: Path) -> None:
    async with written(tmp_path, [(1, "raw", "a"), (2, "raw", "b"), (1, "raw", "c")]) as index:
        outer = index.find("notes", (1,), "body", "raw")
        assert next(outer).stored == "a"
        assert [entry.stored for entry in index.find("notes", (2,), "body", "raw")] == ["b"]
        assert next(outer).stored == "c"


async def test_a_long_ledger_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        async with written(tmp_path, ((n, "raw" * 100, "x") for n in range(10_000))) as index:
            for number in range(0, 10_000, 20):
                (entry,) = index.find("notes", (number,), "body", "raw" * 100)
                assert entry.key == (number,)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


async def test_the_index_is_private_holds_no_value_and_is_gone_at_the_end(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    async with written(tmp_path, [(1, "planted", "stored")]), index_ledger(tmp_path / "lines.jsonl", private) as again:
        assert again.entries == {"notes": 1, "others": 1}
        (file,) = private.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600
        assert b"planted" not in file.read_bytes()
    assert list(private.iterdir()) == []


PLAIN_VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.binary() | st.text()


@given(PLAIN_VALUES)
async def test_a_ledger_line_gives_the_original_back(tmp_path_factory: Any, value: Any) -> None:
    path = tmp_path_factory.mktemp("ledger") / "ledger.jsonl"
    entry = Entry("t", (value, 1), "c", "rule", value, "stored")
    with open_ledger(path) as ledger:
        ledger.write(entry)
    async with index_ledger(path, path.parent) as index:
        assert list(index.find("t", (value, 1), "c", value)) == [entry]
    assert from_plain(to_plain(value)) == value


async def test_a_ledger_that_is_missing_is_named_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"ledger\.jsonl is missing") as caught:
        async with index_ledger(tmp_path / "ledger.jsonl", tmp_path):
            pass
    assert "rollback.txt" in caught.value.problem.hint
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.write(Entry("notes", (1,), "body", "nul", b"\xff", "x"))
        ledger.sync()
        line = '{"table": "notes", "key": [1], "column": "body", "rule": "nul"'
        value = '"original": {"base64": "/w=="}, "stored": "x", "position": null}'
        assert (tmp_path / "ledger.jsonl").read_text() == f"{line}, {value}\n"
        assert ledger.entries == 1
    assert (tmp_path / "ledger.jsonl").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError), open_ledger(tmp_path / "ledger.jsonl"):
        pass


@pytest.mark.parametrize("damage", [b"\xff", b"[1]", b"{}", b"[" * 100_000, b'{"key": 1, "original": {}, "stored": 2}'])
async def test_a_damaged_line_of_a_ledger_is_named(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "lines.jsonl"
    with open_ledger(path) as ledger:
        ledger.write(Entry("notes", (1,), "body", "rule", "a", "b"))
    with path.open("ab") as file:
        file.write(damage + b"\n")
    with pytest.raises(SourceError, match=f"line 2 of the ledger {path} is damaged"):
        async with index_ledger(path, tmp_path):
            pass


async def test_a_folder_in_the_place_of_a_ledger_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read: Is a directory"):
        async with index_ledger(tmp_path, tmp_path):
            pass
