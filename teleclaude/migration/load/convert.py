"""From what SQLite holds to what PostgreSQL takes: one small function a type, one table at the end. Pure.

A value that fits is returned as it is. For another one the rule that changes it is returned as well
(docs/fidelity.md). Nothing is changed without a rule.

Text is `str`, whose lone surrogates are bytes that are no UTF-8; a BLOB is `bytes` (see db.engine.make_reader).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

from teleclaude.migration.load.json_text import as_json_string, replace_in_json
from teleclaude.migration.values.column_types import ColumnType, Context

_BIGINT = range(-(2**63), 2**63)

RULES = {
    "null_not_allowed": "NULL in a column that allows none: the default of the column",
    "nul_in_text": "U+0000, which PostgreSQL's text refuses: U+2400",
    "invalid_utf8": "a byte that is no UTF-8: U+FFFD",
    "blob_in_text": "a BLOB in a text column: its bytes as text",
    "number_in_text": "a number in a text column: its digits",
    "not_an_integer": "no integer of 64 bit in an integer column: "
    "the integer that it equals (3.0 is 3), else NULL, or the default",
    "number_as_text": "an integer written as text: the integer",
    "not_a_boolean": "neither 0 nor 1 in a boolean column: "
    "what the word spells, whether the number is other than zero, else NULL, or the default",
    "not_a_timestamp": "text that is no date and time: NULL, or the default",
    "beyond_microseconds": "a time finer than microseconds: cut to microseconds",
    "local_time": "a naive local time: the moment that it means in the zone of the computer",
    "constant_in_json": "NaN or Infinity, which JSON does not have: the word as a string",
    "nul_in_json": "\\u0000 in a JSON string, which jsonb refuses: \\u2400",
    "surrogate_in_json": "half a surrogate pair in a JSON string, which jsonb refuses: \\ufffd",
    "duplicate_key": "a key that occurs twice in a JSON object: jsonb keeps the last",
    "json_in_blob": "a BLOB of JSON in a column of JSON: the JSON that it is",
    "not_json": "text that is not JSON: the text as a JSON string",
    "refused_json": "JSON that PostgreSQL refuses for its depth or size: the text as a JSON string",
    "not_real": "no number in a column of numbers: NULL",
    "not_bytes": "no BLOB in a column of BLOBs: its text in UTF-8",
}
"""Every rule, and what it does."""

SILENT_RULES = frozenset({"local_time"})
"""Rules that lose nothing: counted for each column, and not listed value by value."""


@dataclass(frozen=True)
class Change:
    """What is stored instead of a value that does not fit, and the rule that says so."""

    stored: Any
    rule: str


def _to_text(value: Any, _context: Context) -> Any:
    """Return text that PostgreSQL takes."""
    if isinstance(value, str):
        if "\x00" not in value and _is_utf8(value):
            return value
        return _replace_in_text(value)
    if isinstance(value, bytes):
        text = _replace_in_text(value.decode("utf-8", "surrogateescape"))
        return Change(text.stored, "blob_in_text")
    return Change(str(value), "number_in_text")


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _replace_in_text(value: str) -> Change:
    rule = "nul_in_text" if "\x00" in value else "invalid_utf8"
    return Change(re.sub("[\ud800-\udfff]", "\ufffd", value.replace("\x00", "\u2400")), rule)


def _to_integer(value: Any, _context: Context) -> Any:
    """Return an integer of 64 bit."""
    if isinstance(value, int):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,19}\s*", value, re.ASCII) and int(value) in _BIGINT:
        return Change(int(value), "number_as_text")
    if isinstance(value, float) and value.is_integer() and int(value) in _BIGINT:
        return Change(int(value), "not_an_integer")
    return Change(None, "not_an_integer")


_TRUE_WORDS = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE_WORDS = frozenset({"false", "f", "no", "n", "off", "0", ""})


def _to_boolean(value: Any, _context: Context) -> Any:
    """Return a boolean."""
    if value in (0, 1) and isinstance(value, int):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        known = True if word in _TRUE_WORDS else False if word in _FALSE_WORDS else None
        return Change(known, "not_a_boolean")
    if isinstance(value, int | float):
        return Change(value != 0, "not_a_boolean")
    return Change(None, "not_a_boolean")


_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:([T ])(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?"
    r"(?: ?(Z|z|[+-]\d\d(?::\d\d(?::\d\d)?|\d\d(?:\d\d)?)?))?)?",
    re.ASCII,
)


def _to_instant(value: Any, context: Context) -> Any:
    """Return a moment in time with its offset; naive text with a space is UTC, with a `T` as the context says."""
    match = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return Change(None, "not_a_timestamp")
    year, month, day, separator, hour, minute, second, fraction, offset = match.groups()
    micros = (fraction or "").ljust(6, "0")
    try:
        naive = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), int(micros[:6])
        )
        local = offset is None and separator == "T" and context.zone is not None and naive.date() < context.zone_until
        zone = context.zone if local and context.zone else _zone(offset)
        moment = naive.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return Change(None, "not_a_timestamp")
    if micros[6:].strip("0"):
        return Change(moment, "beyond_microseconds")
    return Change(moment, "local_time") if local else moment


def _zone(offset: str | None) -> tzinfo:
    if offset is None or offset in "Zz":
        return UTC
    digits = offset[1:].replace(":", "").ljust(6, "0")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return timezone(-delta if offset[0] == "-" else delta)


def _to_document(value: Any, context: Context) -> Any:
    """Return JSON text that jsonb takes; numbers stay the text that they are."""
    if isinstance(value, int):
        # A JSON text that is a bare number becomes a number by the affinity of the old column.
        return str(value)
    if isinstance(value, bytes):
        return _read_blob(value, context)
    if not isinstance(value, str):
        return _to_json_string(value, context)
    fixed, rule = replace_in_json(value)
    return fixed if rule is None else Change(fixed, rule)


def _read_blob(value: bytes, context: Context) -> Change:
    """Return the JSON that a BLOB holds in an encoding of JSON, as `json.loads` of the old program did."""
    try:
        fixed, rule = replace_in_json(value.decode(json.detect_encoding(value)))
    except UnicodeDecodeError:
        return _to_json_string(value, context)
    return _to_json_string(value, context) if rule == "not_json" else Change(fixed, rule or "json_in_blob")


def _to_json_string(value: Any, context: Context) -> Change:
    return Change(as_json_string(_to_text(value, context).stored), "not_json")


def _to_real(value: Any, _context: Context) -> Any:
    """Return a floating-point number."""
    return float(value) if isinstance(value, float) else Change(None, "not_real")


def _to_bytes(value: Any, _context: Context) -> Any:
    """Return bytes."""
    if isinstance(value, bytes):
        return value
    return Change(str(value).encode("utf-8", "surrogateescape"), "not_bytes")


_CONVERTERS: Mapping[ColumnType, Callable[[Any, Context], Any]] = {
    ColumnType.TEXT: _to_text,
    ColumnType.INTEGER: _to_integer,
    ColumnType.BOOLEAN: _to_boolean,
    ColumnType.INSTANT: _to_instant,
    ColumnType.DOCUMENT: _to_document,
    ColumnType.REAL: _to_real,
    ColumnType.BYTES: _to_bytes,
}


def convert_column(
    values: Sequence[Any], kind: ColumnType, *, nullable: bool, default: Any, context: Context
) -> tuple[list[Any], dict[int, Change]]:
    """Return a column of a batch as PostgreSQL takes it, and the changes by their place in the batch.

    `default` takes the place of NULL where the column is not `nullable`.
    """
    convert = _CONVERTERS[kind]
    stored: list[Any] = []
    changes: dict[int, Change] = {}
    for index, value in enumerate(values):
        result = value
        if value is not None:
            result = convert(value, context)
        elif not nullable:
            result = Change(default, "null_not_allowed")
        if isinstance(result, Change):
            if result.stored is None and not nullable:
                result = Change(default, result.rule)
            changes[index], result = result, result.stored
        stored.append(result)
    return stored, changes
