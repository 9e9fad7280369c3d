"""What a value of the old database means, for the proof: it shares no code with the converter. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from teleclaude.migration.tables import ColumnPlan


class UndecodableError(Exception):
    """The value means nothing that PostgreSQL could hold; only a ledger line can excuse what is stored."""


DEEP = 300
"""Values that nest deeper are read without recursion; Python's own reader stops at about a thousand."""

TOKEN = re.compile(r'[ \t\r\n]*(?:"(?:[^"\\\x00-\x1f]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+)[ \t\r\n]*', re.DOTALL)

BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)

ISO_8601 = re.compile(
    r"\d{4}(-\d\d){2}([ T]\d\d:\d\d(:\d\d([.,]\d{1,12})?)?( ?([zZ]|[+-]\d\d((:\d\d){1,2}|(\d\d){1,2})?))?)?", re.ASCII
)
"""Dates and times as old programs and people write them; Python reads weeks and other forms besides."""

FINER_THAN_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")


def decode(column: ColumnPlan, raw: Any) -> Any:
    """Return what `raw` of the old database means as a value of the column.

    Raises UndecodableError where it has no such meaning.
    """
    if raw is None:
        if not column.nullable:
            raise UndecodableError
        return None
    return DECODERS[column.type.name](column, raw)


def _text(_column: ColumnPlan, raw: Any) -> Any:
    if not isinstance(raw, str) or "\x00" in raw or any("\ud800" <= char <= "\udfff" for char in raw):
        raise UndecodableError
    return raw


def _typed(wanted: type) -> Any:
    def check(_column: ColumnPlan, raw: Any) -> Any:
        if type(raw) is not wanted:
            raise UndecodableError
        return raw

    return check


def _boolean(_column: ColumnPlan, raw: Any) -> Any:
    if type(raw) is not int or raw not in (0, 1):
        raise UndecodableError
    return raw == 1


def _instant(column: ColumnPlan, raw: Any) -> Any:
    if not isinstance(raw, str) or not ISO_8601.fullmatch(raw) or FINER_THAN_MICROSECONDS.search(raw):
        raise UndecodableError
    try:
        # Python 3.11 takes neither a blank before the offset nor a small z.
        moment = datetime.fromisoformat(re.sub(r" (?=[zZ+-][\d:]*$)", "", raw).replace("z", "Z"))
        if moment.tzinfo is None:
            zone = column.context.zone if "T" in raw and moment.date() < column.context.zone_until else None
            moment = moment.replace(tzinfo=zone or UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UndecodableError from None


def _document(_column: ColumnPlan, raw: Any) -> Any:
    return decode_json(str(raw) if type(raw) is int else raw)


DECODERS = {
    "TEXT": _text,
    "INTEGER": _typed(int),
    "BOOLEAN": _boolean,
    "INSTANT": _instant,
    "DOCUMENT": _document,
    "REAL": _typed(float),
    "BYTES": _typed(bytes),
}


def decode_json(text: Any, *, keep_last: bool = False) -> Any:
    """Return JSON with every number as an exact Decimal; raises UndecodableError for what jsonb cannot hold.

    A key that occurs twice is refused, or its last value kept, as jsonb does.
    """
    if not isinstance(text, str):
        raise UndecodableError
    if text.count("[") + text.count("{") > DEEP and _depth(text) > DEEP:
        return decode_deep(text, keep_last=keep_last)
    try:
        value = json.loads(
            text,
            parse_int=Decimal,
            parse_float=Decimal,
            parse_constant=_refuse,
            object_pairs_hook=dict if keep_last else _unique,
        )
        _check_strings(value)
    except (ValueError, ArithmeticError, RecursionError):
        raise UndecodableError from None
    return value


@dataclass(frozen=True)
class DeepDocument:
    """A JSON value that nests too deep to be read by recursion, as a digest of what it means."""

    digest: bytes


def _depth(text: str) -> int:
    """Return how deep the brackets outside of strings nest."""
    depth = deepest = 0
    for match in BRACKET_OR_STRING.finditer(text):
        if match[0][0] != '"':
            depth += 1 if match[0] in "[{" else -1
            deepest = max(deepest, depth)
    return deepest


def decode_deep(text: str, *, keep_last: bool = False) -> Any:
    """Return a JSON value of any depth; equal values give equal results whatever the order of their keys.

    Raises UndecodableError for what jsonb cannot hold.
    """
    open_values: list[tuple[str, list[bytes]]] = [("", [])]
    end = 0
    for match in TOKEN.finditer(text):
        if match.start() != end:
            raise UndecodableError
        end = match.end()
        word = match[0].strip()
        if word in ("[", "{"):
            open_values.append((word, []))
        elif word in ("]", "}"):
            opening, parts = open_values.pop()
            if not open_values or opening + word not in ("[]", "{}"):
                raise UndecodableError
            open_values[-1][1].append(_digest(opening, _pairs(parts, keep_last) if opening == "{" else parts))
        elif word not in (",", ":"):
            value = decode_json(word)
            open_values[-1][1].append(_digest(type(value).__name__, [repr(_plain_number(value)).encode()]))
    if end != len(text) or len(open_values) != 1 or len(open_values[0][1]) != 1:
        raise UndecodableError
    return DeepDocument(open_values[0][1][0])


def _pairs(parts: list[bytes], keep_last: bool) -> list[bytes]:
    """Return the keys and values of an object in an order of their own."""
    values = dict(zip(parts[::2], parts[1::2], strict=False))
    if len(parts) % 2 or (len(values) * 2 != len(parts) and not keep_last):
        raise UndecodableError
    return [part for pair in sorted(values.items()) for part in pair]


def _plain_number(value: Any) -> Any:
    """Return a number in the one form that all its spellings share, without rounding it."""
    if not isinstance(value, Decimal):
        return value
    sign, digits, exponent = value.as_tuple()
    written = "".join(map(str, digits))
    short = written.strip("0") and written.lstrip("0").rstrip("0")
    return (sign, short, int(exponent) + len(written) - len(written.rstrip("0"))) if short else 0


def _digest(kind: str, parts: list[bytes]) -> bytes:
    made = blake2b(kind.encode(), digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "big") + part)
    return made.digest()


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _check_strings(value: Any) -> None:
    if isinstance(value, str) and ("\x00" in value or any("\ud800" <= char <= "\udfff" for char in value)):
        raise ValueError
    if isinstance(value, dict):
        for key, item in value.items():
            _check_strings(key)
            _check_strings(item)
    if isinstance(value, list):
        for item in value:
            _check_strings(item)


def same(one: Any, other: Any) -> bool:
    """Whether two decoded values are equal as PostgreSQL compares them; true is not 1."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
