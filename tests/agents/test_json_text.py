"""A change of one value of a text of JSON leaves every other byte, however the text is written."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from teleclaude.agents import json_text
from teleclaude.agents.json_text import Keys

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
SPACE = st.text(" \t\r\n", max_size=3)


@st.composite
def written(draw: st.DrawFn, values: st.SearchStrategy[Any] = VALUES) -> str:
    """Write a value with any space wherever space may be, and characters escaped or not."""
    return _write(draw, draw(values))


def _write(draw: st.DrawFn, value: Any) -> str:
    if isinstance(value, dict):
        inside = ",".join(
            f"{draw(SPACE)}{json.dumps(name, ensure_ascii=draw(st.booleans()))}{draw(SPACE)}:{_write(draw, item)}"
            for name, item in value.items()
        )
        return f"{draw(SPACE)}{{{inside}{draw(SPACE)}}}{draw(SPACE)}"
    if isinstance(value, list):
        inside = ",".join(_write(draw, item) for item in value)
        return f"{draw(SPACE)}[{inside}{draw(SPACE)}]{draw(SPACE)}"
    return f"{draw(SPACE)}{json.dumps(value, ensure_ascii=draw(st.booleans()))}{draw(SPACE)}"


def entries(value: Any, keys: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way for key, item in inside for way in ((*keys, key), *entries(item, (*keys, key)))]


def holder_of(value: Any, keys: Keys) -> Any:
    for key in keys[:-1]:
        value = value[key]
    return value


def is_within(part: str, text: str) -> bool:
    """Whether a text is another one without one run of characters."""
    same = next((n for n, (a, b) in enumerate(zip(part, text, strict=False)) if a != b), len(part))
    return part[same:] == text[len(text) - len(part) + same :]


@given(written(), st.data())
def test_an_entry_that_is_removed_is_one_run_of_characters_and_nothing_else(text: str, data: st.DataObject) -> None:
    value = json.loads(text)
    ways = entries(value)
    assume(ways)
    keys = data.draw(st.sampled_from(ways))
    without = json_text.remove(text, keys)
    del holder_of(value, keys)[keys[-1]]
    assert json.loads(without) == value
    assert is_within(without, text)


@given(written(), st.data())
def test_what_is_added_is_one_run_of_characters_and_is_removed_again_without_a_trace(
    text: str, data: st.DataObject
) -> None:
    value = json.loads(text)
    held = [way for way in ((), *entries(value)) if isinstance(holder_of(value, (*way, 0)), dict | list)]
    assume(held)
    keys = data.draw(st.sampled_from(held))
    holder = holder_of(value, (*keys, 0))
    new = data.draw(VALUES)
    last = len(holder) if isinstance(holder, list) else "a new one"
    more = json_text.add(text, (*keys, last), new)
    assert is_within(text, more) or not holder
    if holder:
        assert json_text.remove(more, (*keys, last)) == text
    if isinstance(holder, list):
        holder.append(new)
    else:
        holder[last] = new
    assert json.loads(more) == value


@given(written(), st.data())
def test_what_is_replaced_is_the_value_alone(text: str, data: st.DataObject) -> None:
    value = json.loads(text)
    ways = entries(value)
    assume(ways)
    keys = data.draw(st.sampled_from(ways))
    changed = json_text.replace(text, keys, "new")
    holder_of(value, keys)[keys[-1]] = "new"
    assert json.loads(changed) == value
    before, after = changed.split('"new"')[0], changed.split('"new"')[-1]
    assert text.startswith(before) or text.endswith(after)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("{}", '{\n  "a": [\n    1\n  ]\n}'),
        ('{\n    "b": 1\n}\n', '{\n    "b": 1,\n    "a": [\n        1\n    ]\n}\n'),
        ('{"b": 1}', '{"b": 1,"a": [1]}'),
    ],
)
def test_what_is_added_looks_like_the_rest(text: str, made: str) -> None:
    assert json_text.add(text, ("a",), [1]) == made


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="two entries of the same name"):
        json_text.read('{"a": {"b": 1, "b": 2}}')
