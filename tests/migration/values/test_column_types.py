"""What is done to a whole column leaves NULL in its place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.migration.values.column_types import STAND_INS, ColumnType, over_nulls


@given(st.lists(st.none() | st.integers()))
def test_values_are_changed_in_their_places_and_nulls_are_replaced(values: list[int | None]) -> None:
    made = over_nulls(lambda present: [str(value) for value in present], values, "NULL")
    assert made == ["NULL" if value is None else str(value) for value in values]


def test_a_column_of_nulls_alone_is_not_given_to_the_function() -> None:
    def fail(_values: Any) -> Any:
        raise AssertionError("asked for nothing")

    assert over_nulls(fail, [None, None], b"-") == [b"-", b"-"]


@pytest.mark.parametrize("kind", ColumnType)
def test_every_type_has_a_value_in_the_place_of_null(kind: ColumnType) -> None:
    assert STAND_INS[kind] is not None
