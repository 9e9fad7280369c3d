"""A cursor shows that the daemon has noted a list, and nobody else can make one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.daemon.cursor import VALID_SECONDS, is_valid, make_cursor

KEY, NOW = b"k" * 32, 1_800_000_000
CURSOR = make_cursor(KEY, "list", NOW)
MOMENT, _, SIGNATURE = CURSOR.partition(".")


def test_a_cursor_is_valid_for_its_list_for_some_time() -> None:
    assert is_valid(KEY, "list", CURSOR, NOW)
    assert is_valid(KEY, "list", CURSOR, NOW + VALID_SECONDS)


@pytest.mark.parametrize(
    ("key", "listing", "cursor", "now"),
    [
        (b"l" * 32, "list", CURSOR, NOW),
        (KEY, "another list", CURSOR, NOW),
        (KEY, "list", CURSOR, NOW + VALID_SECONDS + 1),
        (KEY, "list", CURSOR, NOW - 1),
        (KEY, "list", f"{NOW + 9:x}.{SIGNATURE}", NOW + 9),
        (KEY, "list", MOMENT, NOW),
        (KEY, "list", f"{MOMENT}.", NOW),
        (KEY, "list", "", NOW),
    ],
)
def test_any_other_is_not(key: bytes, listing: str, cursor: str, now: int) -> None:
    assert not is_valid(key, listing, cursor, now)


@given(st.text())
def test_no_text_is_a_cursor_or_an_error(text: str) -> None:
    assert not is_valid(KEY, "list", text, NOW)
