"""The ledger's lines are found wherever they stand, and few of them are in memory."""

import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from teleclaude.migration.excuses import LINE, WINDOW, LedgerWindow
from teleclaude.migration.ledger import Entry, LedgerIndex, index_ledger, open_ledger


def written(path: Path, lines: Iterable[tuple[int, Any, str]]) -> LedgerIndex:
    path.unlink(missing_ok=True)
    with open_ledger(path) as ledger:
        for number, original, stored in lines:
            ledger.write(Entry("notes", (number,), "body", "rule", original, stored))
            ledger.write(Entry("others", (number,), "body", "rule", original, "another table's"))
    return index_ledger(path)


VALUES = st.sampled_from((1, 1.0, "1", b"1", None))


@settings(max_examples=60)
@given(
    lines=st.lists(st.tuples(st.integers(1, 4), VALUES, st.text(max_size=2)), max_size=12),
    asked=st.lists(st.tuples(st.integers(1, 4), VALUES), max_size=12),
    room=st.integers(1, 4 * LINE),
)
def test_every_line_of_a_value_is_found_in_whatever_order_they_stand_and_are_asked_for(
    tmp_path_factory: Any, lines: list[tuple[int, Any, str]], asked: list[tuple[int, Any]], room: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    window = LedgerWindow(written(path, lines), "notes", room)
    for number, original in asked:
        found = {entry.stored for entry in window.find((repr((number,)), "body", repr(original)))}
        assert found == {stored for key, value, stored in lines if (key, repr(value)) == (number, repr(original))}


def test_a_line_that_was_found_leaves_the_next_ones_to_be_read(tmp_path: Path) -> None:
    window = LedgerWindow(written(tmp_path / "lines.jsonl", ((n, "raw", str(n)) for n in range(50))), "notes", 1)
    found = [next(window.find((repr((n,)), "body", repr("raw")))).stored for n in (3, 4, 49, 0)]
    assert found == ["3", "4", "49", "0"]


def test_the_lines_of_a_table_that_is_odd_throughout_take_no_more_memory_than_a_few_of_them(tmp_path: Path) -> None:
    window = LedgerWindow(written(tmp_path / "lines.jsonl", ((n, "raw", "x") for n in range(10_000))), "notes", 1 << 20)
    tracemalloc.start()
    try:
        assert list(window.find(("nobody", "body", "''"))) == []
        assert tracemalloc.get_traced_memory()[1] < 3 << 20
    finally:
        tracemalloc.stop()
    assert WINDOW < 40 << 20
