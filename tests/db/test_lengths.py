"""Long texts cut, and rows that fit, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.db.store.lengths import LONGEST_TEXT, TooLittleRoomError, count_fitting, cut_text, shorten


@given(st.text(max_size=3), st.sampled_from("aüएß🚀"))
def test_a_long_text_is_cut_between_two_characters(begin: str, letter: str) -> None:
    text = begin + letter * LONGEST_TEXT
    cut = cut_text(text)
    assert text.startswith(cut)
    assert LONGEST_TEXT - 4 < len(cut.encode()) <= LONGEST_TEXT


def test_a_text_of_just_the_length_is_whole() -> None:
    assert cut_text("ü" * (LONGEST_TEXT // 2)) == "ü" * (LONGEST_TEXT // 2)


def test_a_row_names_what_is_cut_and_what_is_left_out() -> None:
    long = "x" * (LONGEST_TEXT + 1)
    row = {"id": 1, "title": long, "subdir": "x", "facts": None, "facts__too_long": True, "other": {}}
    row["other__too_long"] = False
    shortened = shorten(row)
    assert shortened["cut"] == ["title", "facts"]
    assert shortened == {
        "id": 1,
        "title": long[1:],
        "subdir": "x",
        "facts": None,
        "other": {},
        "cut": ["title", "facts"],
    }


def test_as_many_rows_are_taken_as_fit_and_at_least_one() -> None:
    assert count_fitting([3, 4, 4], 8) == 2
    assert count_fitting([9, 1], 8) == 1
    assert count_fitting([], 8) == 0


def test_a_row_that_must_be_whole_says_how_much_room_it_needs() -> None:
    with pytest.raises(TooLittleRoomError) as refused:
        count_fitting([9, 1], 8, whole=True)
    assert refused.value.size == 9
    assert count_fitting([1, 9], 8, whole=True) == 1
