"""A value inside the JSON text of an old column, read as the old program read it. Pure.

SQLite's own json_extract cuts a string at `\\u0000`, rounds large integers and refuses NaN, without a word.
"""

from __future__ import annotations

import json
from typing import Any

FUNCTION = "json_member"
"""The name of `read_member` in SQL."""

FIRST = "0"
"""The key of the first value of a list."""

_PENDING = ("pending_deletions", "pending_feedback_deletions")
"""Lists of messages to delete."""


def read_member(raw: bytes | None, key: str) -> bytes | None:
    """Return a value of an object, or the first one of a list, as text; None where it is missing.

    SQLite's own json_extract silently cuts a string at `\\u0000`, rounds large integers and refuses NaN.
    Argument and result are bytes, because no other type of SQLite passes text that is not UTF-8.
    """
    value = _member_of(_read(raw), key)
    if value is None:
        return None
    if isinstance(value, bool):
        return b"%d" % value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate and a byte that is not UTF-8 keep their bytes.
    return b"".join(_encode(char) for char in text) if not text.isascii() else text.encode()


def count_pending(raw: bytes | None) -> int:
    """Return how many messages are to be deleted."""
    state = _read(raw)
    lists = (_member_of(state, key) for key in _PENDING)
    return sum(len(found) for found in lists if isinstance(found, list))


def _read(raw: bytes | None) -> Any:
    try:
        return json.loads((raw or b"").decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None


def _member_of(found: Any, key: str) -> Any:
    if isinstance(found, list) and key == FIRST:
        return found[0] if found else None
    return found.get(key) if isinstance(found, dict) else None


def _encode(char: str) -> bytes:
    return char.encode("utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass")
