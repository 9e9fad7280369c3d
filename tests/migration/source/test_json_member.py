"""A value inside the JSON text of an old column is read as the old program read it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.migration.source.json_member import FIRST, count_pending, read_member


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'{"k": "a\\u0000b"}', b"a\x00b"),
        (b'{"k": 98765432109876543210}', b"98765432109876543210"),
        (b'{"k": NaN}', b"NaN"),
        (b'{"k": true}', b"1"),
        (b'{"k": false}', b"0"),
        (b'{"k": [1, {"a": "\xc3\xbc"}]}', '[1,{"a":"ü"}]'.encode()),
        (b'{"k": "\xff"}', b"\xff"),
        (b'{"k": "\\ud800"}', b"\xed\xa0\x80"),
        (b'{"k": null}', None),
        (b'{"other": 1}', None),
        (b'["k"]', None),
        (b"no json", None),
        (b"[" * 100_000, None),
        (b"", None),
        (None, None),
    ],
)
def test_a_member_is_read_whole_or_not_at_all(raw: bytes | None, value: bytes | None) -> None:
    assert read_member(raw, "k") == value


@pytest.mark.parametrize(("raw", "value"), [(b'["a", "b"]', b"a"), (b"[]", None), (b'{"0": "a"}', b"a")])
def test_the_first_value_of_a_list_is_read_by_its_key(raw: bytes, value: bytes | None) -> None:
    assert read_member(raw, FIRST) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_as_its_bytes(text: str) -> None:
    assert read_member(json.dumps({"k": text}).encode(), "k") == text.encode()


@pytest.mark.parametrize(
    ("raw", "count"),
    [
        (b'{"pending_deletions": ["1", "2"], "pending_feedback_deletions": ["3"]}', 3),
        (b'{"pending_deletions": "12"}', 0),
        (b"[]", 0),
        (None, 0),
    ],
)
def test_messages_to_delete_are_counted_in_both_lists(raw: bytes | None, count: int) -> None:
    assert count_pending(raw) == count
