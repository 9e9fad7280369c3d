"""Two sides hold the same rows equally often, or a row that differs is named."""

from collections.abc import AsyncIterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from teleclaude.migration.verify.unkeyed import find_difference

ROWS = st.lists(st.tuples(st.none() | st.integers(0, 2) | st.just(1.0) | st.just("1"), st.sampled_from("ab")))


@given(ROWS, ROWS)
async def test_two_sides_are_equal_exactly_where_they_hold_the_same_rows_equally_often(wanted: Any, found: Any) -> None:
    async def read(rows: Any) -> AsyncIterator[Any]:
        for row in rows:
            yield row

    difference = await find_difference(lambda: read(wanted), lambda: read(found))
    equal = sorted(map(repr, wanted)) == sorted(map(repr, found))
    assert isinstance(difference, int) == equal
    if isinstance(difference, int):
        assert difference == 2 * len(found)
    else:
        assert difference.wanted is None or repr(difference.wanted) in map(repr, wanted)
        assert difference.found is None or repr(difference.found) in map(repr, found)
