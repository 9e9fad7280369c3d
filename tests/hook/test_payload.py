"""Whatever an agent gives becomes JSON that the daemon takes."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from teleclaude.daemon.api import MOST_BYTES
from teleclaude.daemon.route import Input
from teleclaude.hook.payload import LONGEST_BODY, LONGEST_READ, read_payload, to_json

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


class Body(Input):
    payload: dict[str, Any]


def is_taken(payload: dict[str, Any]) -> bool:
    """Whether the daemon reads it as it reads a body."""
    body = to_json({"payload": payload})
    Body.model_validate(from_json(body, allow_inf_nan=False))
    return len(body) < LONGEST_BODY


def test_the_longest_body_is_the_daemons() -> None:
    assert LONGEST_BODY == MOST_BYTES


@given(st.dictionaries(st.text(max_size=5), ANY, max_size=4))
def test_every_object_is_taken(value: dict[str, Any]) -> None:
    assert is_taken(read_payload(json.dumps(value).encode()))


@given(st.dictionaries(st.text("añ€", max_size=5), st.integers() | st.text("añ€", max_size=9)))
def test_what_a_database_can_hold_is_not_changed(value: dict[str, Any]) -> None:
    assert read_payload(json.dumps(value).encode()) == value


def test_what_no_database_holds_is_what_the_migration_makes_of_it() -> None:
    said = b'{"a\\u0000": "b\\u0000", "half": "\\ud800", "number": 1e999, "none": NaN, "pair": "\\ud83d\\ude00"}'
    made = {"a\u2400": "b\u2400", "half": "\ufffd", "number": "inf", "none": "nan", "pair": "😀"}
    assert read_payload(said) == made


def test_the_longest_texts_are_cut_and_say_so_and_the_others_stay() -> None:
    said = {"session_id": "n", "tool_input": {"content": "€" * 400_000, "path": "/x" * 50}}
    payload = read_payload(json.dumps(said, ensure_ascii=False).encode())
    content = payload["tool_input"].pop("content")
    assert content.startswith("€" * 1000)
    assert content.endswith(" more characters were cut]")
    assert payload == {"session_id": "n", "tool_input": {"path": "/x" * 50}}
    assert is_taken({**payload, "content": content})


def test_of_a_text_that_is_too_long_to_be_read_the_beginning_is_read() -> None:
    said = f'{{"session_id": "n", "cwd": "/x", "tool_response": "{"x" * LONGEST_READ}", "last": 1}}'
    assert read_payload(said.encode()) == {"session_id": "n", "cwd": "/x", "tool_response": "… [this was cut]"}


def test_what_is_nested_too_deep_is_cut() -> None:
    for depth in (150, 100_000):
        payload = read_payload(f'{{"session_id": "n", "deep": {"[" * depth}{"]" * depth}}}'.encode())
        assert payload["session_id"] == "n"
        assert is_taken(payload)


def test_a_payload_of_numbers_alone_keeps_its_texts() -> None:
    said = {"session_id": "n", "numbers": [10**50] * 25_000}
    assert read_payload(json.dumps(said).encode()) == {"session_id": "n"}


def test_what_is_no_object_is_an_empty_one() -> None:
    for said in (b"", b"[1]", b"null", b"no JSON", b"\xff\xfe", b"{"):
        assert read_payload(said) == {}
