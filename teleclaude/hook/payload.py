"""What an agent gives to its hook, made fit for the daemon: JSON that a database can hold, below its limit. Pure."""

from __future__ import annotations

import json
import re
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_BODY = 1024 * 1024
"""The longest body that the daemon takes, in bytes."""

LONGEST_READ = 3 * LONGEST_BODY
"""Of a longer text only the members are read that it begins with: it would take more memory than a hook may."""

_ROOM = 64 * 1024
"""For what stands beside the payload."""

_LONGEST_TEXTS = (LONGEST_BODY, 256 * 1024, 16 * 1024, 256)
"""How long a text may be, in characters: the first that makes the payload fit."""

_DEEPEST = 100
"""Half of what the daemon's parser takes."""

_UNHELD = {0: "\u2400", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}
"""What the database cannot hold: NUL, and halves of surrogate pairs. They become what the migration makes of them."""

_MEMBER = re.compile(r'\s*("(?:[^"\\]|\\.)*")\s*:\s*')

_AFTER = re.compile(r"\s*([,}])")


def read_payload(given: bytes | bytearray) -> dict[str, Any]:
    """Return the payload, its longest texts cut where it is too long; an empty one where there is none to be read."""
    text = str(memoryview(given)[:LONGEST_READ], "utf-8", "replace").lstrip("\ufeff")
    payload: Any = None
    if len(given) <= LONGEST_READ:
        with suppress(ValueError, RecursionError):
            payload = json.loads(text)
    if payload is None:
        payload = _read_members(text)
    return _fit(payload) if isinstance(payload, dict) else {}


def to_json(value: object) -> bytes:
    """Return a value in the shortest JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def clean(text: str) -> str:
    """Return a text that a database can hold."""
    return text.translate(_UNHELD) if not text.isascii() or "\0" in text else text


def _read_members(text: str) -> dict[str, Any]:
    """Return the members with which an object begins, up to one that is too long, broken or nested too deep."""
    members: dict[str, Any] = {}
    decoder, place = json.JSONDecoder(), text.find("{") + 1
    with suppress(ValueError, RecursionError):
        while found := _MEMBER.match(text, place):
            name = json.loads(found[1])
            members[name] = "… [this was cut]"
            value, place = decoder.raw_decode(text, found.end())
            after = _AFTER.match(text, place)
            if after is None:
                break
            members[name] = value
            place = after.end()
    return members


def _fit(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload clean, with the longest texts that leave it below the limit."""
    for longest in _LONGEST_TEXTS:
        fitted: dict[str, Any] = _clean(payload, longest, 0)
        if len(to_json(fitted)) <= LONGEST_BODY - _ROOM:
            return fitted
    # Numbers alone, or names of members, make it so long.
    kept = {name: value for name, value in payload.items() if isinstance(value, str)}
    return _fit(kept) if len(kept) < len(payload) else {}


def _clean(value: Any, longest: int, depth: int) -> Any:
    if isinstance(value, str):
        left = len(value) - longest
        return clean(value) if left <= 0 else f"{clean(value[:longest])}… [{left} more characters were cut]"
    if isinstance(value, dict | list) and depth == _DEEPEST:
        return "… [what is nested deeper was cut]"
    if isinstance(value, dict):
        return {clean(name): _clean(item, longest, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, longest, depth + 1) for item in value]
    # JSON has no such numbers, though Python reads and writes them.
    return str(value) if isinstance(value, float) and value - value != 0 else value
