"""Changes of one entry in a text of TOML, which leave every other line as it is. Pure.

A text that `tomllib.loads` takes is assumed. The standard library writes no TOML, and those that do know no places.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

_LONGEST_ENTRY = 100
"""Lines; a person changes a longer entry."""


def find_lines(text: str, keys: Sequence[str | int]) -> tuple[int, int] | None:
    """Return the first and last line of an entry, None where they are not certain.

    They are certain where the text without these lines differs by this entry alone.
    """
    document = tomllib.loads(text)
    inside: Any = document
    for key in keys[:-1]:
        inside = inside[key]
    del inside[keys[-1]]
    lines = text.split("\n")
    name = rf"""["']?{re.escape(str(keys[-1]))}["']?\s*"""
    starts = re.compile(rf"""\s*(?:(?:[\w."' -]+\.\s*)?{name}=|\[[^\]]*\b{name}\])""")
    for first in (place for place, line in enumerate(lines) if starts.match(line)):
        for last in range(first + 1, min(first + _LONGEST_ENTRY, len(lines)) + 1):
            with suppress(ValueError):
                rest = tomllib.loads("\n".join([*lines[:first], *lines[last:]]))
                if _without_empty(rest) == _without_empty(document):
                    return first + 1, last
    return None


def _without_empty(value: Any) -> Any:
    """Return a document without empty tables, such as one whose only entry was removed."""
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item != {}}


def comment_out(text: str, lines: tuple[int, int]) -> str:
    """Return the text with `# ` before these lines."""
    first, last = lines
    return "\n".join(f"# {line}" if first <= at <= last else line for at, line in enumerate(text.split("\n"), 1))


def put(text: str, key: str, words: Sequence[str], lines: tuple[int, int] | None) -> str:
    """Return the text with a list of texts as an entry of the root: in place of these lines, or as the first line."""
    # A string of JSON is one of TOML, but for DEL; and characters above U+FFFF must not be two halves.
    entry = f"{key} = {json.dumps(list(words), ensure_ascii=False)}".replace("\x7f", "\\u007f")
    if lines is None:
        return f"{entry}\n{text}"
    old = text.split("\n")
    return "\n".join([*old[: lines[0] - 1], entry, *old[lines[1] :]])
