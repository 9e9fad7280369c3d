"""JSON text is changed only where jsonb refuses it, and only the smallest scalar of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.migration.load.json_text import as_json_string, replace_in_json


@pytest.mark.parametrize(
    ("value", "text", "rule"),
    [
        ('{"a": 1e400, "b": 0.10}', '{"a": 1e400, "b": 0.10}', None),
        ('{"a": NaN, "b": "NaN"}', '{"a": "NaN", "b": "NaN"}', "constant_in_json"),
        ("[-Infinity, Infinity]", '["-Infinity", "Infinity"]', "constant_in_json"),
        ('["a\\u0000b"]', '["a\\u2400b"]', "nul_in_json"),
        ('["a\\\\u0000b"]', '["a\\\\u0000b"]', None),
        ('["\\ud83d\\ude80"]', '["\\ud83d\\ude80"]', None),
        ('["\\ud83d"]', '["\\ufffd"]', "surrogate_in_json"),
        ('["\\ude80\\ud83d"]', '["\\ufffd\\ufffd"]', "surrogate_in_json"),
        ('["\udcff"]', '["\ufffd"]', "invalid_utf8"),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}', "duplicate_key"),
        ('{"a": 1, "\\u0061": 2}', '{"a": 1, "\\u0061": 2}', "duplicate_key"),
        ("[1", '"[1"', "not_json"),
        ("", '""', "not_json"),
        ("a\x00b", '"a\u2400b"', "not_json"),
    ],
)
def test_what_jsonb_refuses_is_replaced_and_named(value: str, text: str, rule: str | None) -> None:
    assert replace_in_json(value) == (text, rule)


@pytest.mark.parametrize(
    ("inner", "rule"),
    [("1", None), ("NaN", "constant_in_json"), ('{"a": 1, "a": 2}', "duplicate_key"), ('"\\u0000"', "nul_in_json")],
)
def test_text_that_is_deeper_than_python_reads_is_treated_alike(inner: str, rule: str | None) -> None:
    assert replace_in_json("[" * 3000 + inner + "]" * 3000)[1] == rule


TREES = st.recursive(
    st.integers() | st.floats() | st.booleans() | st.none() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(TREES, st.booleans())
def test_what_is_made_of_any_document_is_json_without_what_jsonb_refuses(tree: Any, ascii_only: bool) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text, rule = replace_in_json(json.dumps(tree, ensure_ascii=ascii_only))
    read = json.loads(text, parse_constant=refuse)
    assert "\x00" not in json.dumps(read, ensure_ascii=False)
    json.dumps(read, ensure_ascii=False).encode()
    assert replace_in_json(text)[0] == text
    if rule is None:
        assert read == tree


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_a_text_that_becomes_a_json_string_is_the_same_text(text: str) -> None:
    assert json.loads(as_json_string(text)) == text
