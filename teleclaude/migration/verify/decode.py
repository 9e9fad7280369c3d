"""What a value of the old database means, for the verification. No code is shared with the converter. Pure."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

from teleclaude.migration.plan.tables import ColumnPlan
from teleclaude.migration.values.column_types import ColumnType


class UndecodableError(Exception):
    """The value means nothing that PostgreSQL can hold; only a ledger line can allow what is stored."""


_DEEP = 300
"""JSON that nests deeper is not read here, because reading it is recursive; Python itself stops at about a thousand."""

_MARK = re.compile(r'(?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+")(?P<colon>[ \t\r\n]*+:)?|(?P<bracket>[\[\]{}])', re.DOTALL)
"""A string of JSON, with the colon that makes a key of it, or a bracket outside of strings."""

_ISO_8601 = re.compile(
    r"\d{4}(-\d\d){2}([ T]\d\d:\d\d(:\d\d([.,]\d{1,12})?)?( ?([zZ]|[+-]\d\d((:\d\d){1,2}|(\d\d){1,2})?))?)?", re.ASCII
)
"""Dates and times as old programs and people write them; Python reads weeks and other forms besides."""

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")

_FINER_THAN_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")


def decode(column: ColumnPlan, raw: Any) -> Any:
    """Return what `raw` of the old database means as a value of the column.

    Raises UndecodableError where it has no such meaning.
    """
    if raw is None:
        if not column.nullable:
            raise UndecodableError
        return None
    return _DECODERS[column.type](column, raw)


def is_text(value: str) -> bool:
    """Whether a text has neither U+0000 nor a lone surrogate; PostgreSQL holds neither."""
    return _NO_TEXT.search(value) is None


def _text(_column: ColumnPlan, raw: Any) -> Any:
    if not isinstance(raw, str) or not is_text(raw):
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
    if not isinstance(raw, str) or not _ISO_8601.fullmatch(raw) or _FINER_THAN_MICROSECONDS.search(raw):
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
    if type(raw) is bytes:
        try:
            raw = raw.decode(json.detect_encoding(raw))
        except UnicodeDecodeError:
            raise UndecodableError from None
    return decode_json(str(raw) if type(raw) is int else raw)


_DECODERS = {
    ColumnType.TEXT: _text,
    ColumnType.INTEGER: _typed(int),
    ColumnType.BOOLEAN: _boolean,
    ColumnType.INSTANT: _instant,
    ColumnType.DOCUMENT: _document,
    ColumnType.REAL: _typed(float),
    ColumnType.BYTES: _typed(bytes),
}


def decode_json(text: Any, *, keep_last: bool = False) -> Any:
    """Return JSON with every number as an exact Decimal.

    A key that occurs twice is refused; with `keep_last` its last value is kept, as jsonb does. Raises UndecodableError
    for what jsonb cannot hold, and for what `is_deep`.
    """
    if not isinstance(text, str) or is_deep(text):
        raise UndecodableError
    try:
        value = json.loads(
            text,
            parse_int=Decimal,
            parse_float=Decimal,
            parse_constant=_refuse,
            object_pairs_hook=dict if keep_last else refuse_repeats,
        )
        if _are_texts(value):
            return value
    except (ValueError, ArithmeticError, RecursionError):
        pass
    raise UndecodableError


def is_deep(text: Any) -> bool:
    """Whether a value is JSON that nests too deep to be read here, so that PostgreSQL is asked what it means."""
    if not isinstance(text, str) or text.count("[") + text.count("{") <= _DEEP:
        return False
    brackets = (match["bracket"] for match in _MARK.finditer(text) if match["bracket"])
    return any(depth > _DEEP for depth in accumulate(1 if bracket in "[{" else -1 for bracket in brackets))


def repeats_key(text: str) -> bool:
    """Whether a key occurs twice in an object of JSON, however deep; PostgreSQL drops all but the last in silence.

    Text that is no JSON gives either answer: PostgreSQL refuses it.
    """
    open_values: list[set[str]] = [set()]
    for match in _MARK.finditer(text):
        if match["bracket"]:
            if match["bracket"] in "[{":
                open_values.append(set())
            elif len(open_values) > 1:
                open_values.pop()
        elif match["colon"]:
            try:
                key = json.loads(match["string"])
            except ValueError:
                return True
            if key in open_values[-1]:
                return True
            open_values[-1].add(key)
    return False


def _refuse(name: str) -> Any:
    raise ValueError(name)


def refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON; raises ValueError where a key occurs twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _are_texts(value: Any) -> bool:
    """Whether PostgreSQL can hold every string in decoded JSON."""
    if isinstance(value, str):
        return is_text(value)
    parts = (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(_are_texts, parts))


def same(one: Any, other: Any) -> bool:
    """Whether two decoded values are equal as PostgreSQL compares them; true is not 1."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
