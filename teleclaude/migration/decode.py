"""What a value of the old database means, for the proof: it shares no code with the converter. Pure."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from teleclaude.migration.tables import ColumnPlan


class UndecodableError(Exception):
    """The value means nothing that PostgreSQL could hold; only a ledger line can excuse what is stored."""


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
    if not isinstance(raw, str) or FINER_THAN_MICROSECONDS.search(raw):
        raise UndecodableError
    try:
        moment = datetime.fromisoformat(raw)
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


def decode_json(text: Any) -> Any:
    """Return JSON with every number as an exact Decimal; raises UndecodableError for what jsonb cannot hold."""
    if not isinstance(text, str):
        raise UndecodableError
    try:
        value = json.loads(
            text, parse_int=Decimal, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_unique
        )
        _check_strings(value)
    except (ValueError, ArithmeticError, RecursionError):
        raise UndecodableError from None
    return value


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
