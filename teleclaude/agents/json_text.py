"""Changes of one value in a text of JSON, which leave every other byte as it is. Pure.

A text is assumed that `read` takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Keys = Sequence[str | int]

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^ \t\r\n,\]}]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True)
class _Node:
    """A value and its place: what it holds, each with the place where its entry begins, which may be its name."""

    start: int
    end: int
    entries: dict[str | int, tuple[int, _Node]] = field(default_factory=dict)


def read(text: str) -> Any:
    """Return the value of a text; raises ValueError where it is no JSON or has a name twice in an object."""
    return json.loads(text, object_pairs_hook=_make_object)


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("an object has two entries of the same name")
    return made


def replace(text: str, keys: Keys, value: Any) -> str:
    """Return the text with another value at the end of `keys`."""
    node = _find(text, keys)
    return text[: node.start] + json.dumps(value, ensure_ascii=False) + text[node.end :]


def remove(text: str, keys: Keys) -> str:
    """Return the text without an entry, its comma and the space before it."""
    holder = _find(text, keys[:-1])
    order = list(holder.entries)
    place = order.index(keys[-1])
    begin, node = holder.entries[keys[-1]]
    if place > 0:
        return text[: holder.entries[order[place - 1]][1].end] + text[node.end :]
    if len(order) > 1:
        return text[:begin] + text[holder.entries[order[1]][0] :]
    return text[: holder.start + 1] + text[holder.end - 1 :]


def add(text: str, keys: Keys, value: Any) -> str:
    """Return the text with one more entry at the end of an object or a list, in the style of the others."""
    holder = _find(text, keys[:-1])
    name = f"{json.dumps(keys[-1], ensure_ascii=False)}: " if isinstance(keys[-1], str) else ""
    unit = _find_unit(text)
    margin = "\n" + unit * len(keys)
    if holder.entries:
        first, _ = next(iter(holder.entries.values()))
        _, last = list(holder.entries.values())[-1]
        margin = text[holder.start + 1 : first]
        return f"{text[: last.end]},{margin}{name}{_write(value, margin, unit)}{text[last.end :]}"
    if not unit:
        margin = ""
    end = margin[: len(margin) - len(unit)]
    return f"{text[: holder.start + 1]}{margin}{name}{_write(value, margin, unit)}{end}{text[holder.end - 1 :]}"


def _write(value: Any, margin: str, unit: str) -> str:
    if "\n" not in margin:
        return json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False, indent=unit or None).replace("\n", margin)


def _find_unit(text: str) -> str:
    """Return the indentation of one level; empty where all is in one line."""
    found = re.search(r"\n([ \t]+)\S", text)
    return found[1] if found else "" if len(text.strip()) > 2 else "  "


def _find(text: str, keys: Keys) -> _Node:
    node = _scan(text, _space(text, 0))
    for key in keys:
        node = node.entries[key][1]
    return node


def _scan(text: str, start: int) -> _Node:
    """Return the value that begins at a place; raises RecursionError where it is nested too deep."""
    if text[start] in "{[":
        entries = {key: (begin, node) for key, begin, node in _scan_entries(text, start)}
        end = max((node.end for _, node in entries.values()), default=start + 1)
        return _Node(start, _space(text, end) + 1, entries)
    found = (_STRING if text[start] == '"' else _SCALAR).match(text, start)
    assert found is not None
    return _Node(start, found.end())


def _scan_entries(text: str, start: int) -> Iterator[tuple[str | int, int, _Node]]:
    place, number = _space(text, start + 1), 0
    while text[place] not in "}]":
        begin = place
        name: str | int = number
        if text[start] == "{":
            named = _STRING.match(text, place)
            assert named is not None
            name = json.loads(named[0])
            place = _space(text, _space(text, named.end()) + 1)
        node = _scan(text, place)
        yield name, begin, node
        place = _space(text, node.end)
        if text[place] == ",":
            place = _space(text, place + 1)
        number += 1


def _space(text: str, place: int) -> int:
    """Return the place after the space at a place."""
    found = _SPACE.match(text, place)
    assert found is not None
    return found.end()
