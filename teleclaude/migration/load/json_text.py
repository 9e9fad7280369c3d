"""JSON as text: what jsonb refuses is replaced, the smallest scalar at a time (PostgreSQL manual, section 8.14). Pure.

The text never becomes numbers and back, so that no digit is lost.
"""

from __future__ import annotations

import json
import re
from typing import Any

_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN', re.DOTALL)
_PAIR_OR_ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.", re.DOTALL)
_STRING_OR_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:]', re.DOTALL)
_RAW_SURROGATE = re.compile("[\ud800-\udfff]")


def replace_in_json(value: str) -> tuple[str, str | None]:
    """Return JSON text that jsonb takes, and the rule that changed it, None where nothing did.

    Text that is not JSON becomes a JSON string.
    """
    text = _RAW_SURROGATE.sub("\ufffd", value)
    constants: list[str] = []
    objects: list[list[tuple[str, Any]]] = []
    try:
        json.loads(
            text,
            parse_constant=constants.append,
            parse_float=str,
            parse_int=str,
            object_pairs_hook=objects.append,
        )
        has_constant, repeats = bool(constants), any(len(dict(pairs)) != len(pairs) for pairs in objects)
    except ValueError:
        return as_json_string(text), "not_json"
    except RecursionError:
        # PostgreSQL reads deeper than Python, and refuses at the COPY what is too deep for it.
        has_constant, repeats = "NaN" in text or "Infinity" in text, _repeats_key(text)
    fixed = text
    if has_constant or "\\u" in text:
        fixed = _STRING_OR_CONSTANT.sub(lambda match: _replace_token(match[0]), text)
    rules = {
        "invalid_utf8": text != value,
        "constant_in_json": has_constant and fixed != text,
        _escape_rule(text): fixed != text,
        "duplicate_key": repeats,
    }
    return fixed, next((rule for rule, applies in rules.items() if applies), None)


def _repeats_key(text: str) -> bool:
    """Whether a key occurs twice in an object, however deep. For text that is not JSON the answer means nothing."""
    keys: list[set[str]] = [set()]
    before = ""
    for match in _STRING_OR_MARK.finditer(text):
        mark = match[0]
        if mark in "{[":
            keys.append(set())
        elif mark in "}]" and len(keys) > 1:
            keys.pop()
        elif mark == ":":
            key = _read_string(before)
            if key in keys[-1]:
                return True
            keys[-1].add(key)
        before = mark
    return False


def _read_string(written: str) -> str:
    try:
        return str(json.loads(written))
    except ValueError:
        # PostgreSQL refuses it as well. Then all of the text becomes a string.
        return written


def as_json_string(text: str) -> str:
    """Return the text itself as a JSON string."""
    return json.dumps(text.replace("\x00", "\u2400"), ensure_ascii=False)


def _escape_rule(text: str) -> str:
    return "nul_in_json" if re.search(r"\\u0000", text) else "surrogate_in_json"


def _replace_token(token: str) -> str:
    if token[0] != '"':
        return f'"{token}"'
    return _PAIR_OR_ESCAPE.sub(lambda match: _replace_escape(match[0]), token) if "\\u" in token else token


def _replace_escape(escape: str) -> str:
    if len(escape) != 6:
        return escape
    code = int(escape[2:], 16)
    if code == 0:
        return "\\u2400"
    return "\\ufffd" if 0xD800 <= code <= 0xDFFF else escape
