"""Which values of a column evidently mean the same on both sides, a whole column at a time. Pure.

Doubt is no difference yet: the ledger check decodes by itself what is not evident here. So these comparisons may fail
to see that two values mean the same. They must never take two values for the same that differ.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from teleclaude.migration.plan.tables import ColumnPlan
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.verify.decode import refuse_repeats

_Values = Sequence[Any]

_FINE_FRACTION = re.compile(r"\.\d{7}")
"""A fraction that Python would cut to microseconds without a word."""


def find_doubtful(column: ColumnPlan, raw: _Values, stored: _Values) -> list[int]:
    """Return the places at which values of the old column and stored ones are not evidently the same."""
    try:
        wanted, found = _read(column, raw, stored)
        if wanted == found:
            return []
    except (TypeError, ValueError, RecursionError):
        return _halve(column, raw, stored)
    return [place for place, (one, other) in enumerate(zip(wanted, found, strict=True)) if one != other]


def _halve(column: ColumnPlan, raw: _Values, stored: _Values) -> list[int]:
    """Look for the few values that cannot be read, so that the others are not doubted with them."""
    if len(raw) == 1:
        return [0]
    middle = len(raw) // 2
    first = find_doubtful(column, raw[:middle], stored[:middle])
    return first + [middle + place for place in find_doubtful(column, raw[middle:], stored[middle:])]


def is_plain(column: ColumnPlan, raw: _Values) -> bool:
    """Whether every value of a column of a key is evidently stored as it is."""
    if column.type is ColumnType.TEXT and {*map(type, raw)} <= {str}:
        joined = "".join(raw)
        return joined.isascii() and "\x00" not in joined
    return column.type is ColumnType.INTEGER and {*map(type, raw)} <= {int}


def _read(column: ColumnPlan, raw: _Values, stored: _Values) -> tuple[_Values, _Values]:
    """Return both sides in a form in which only equal values are equal; raises TypeError or ValueError for others."""
    raw_type, stored_type, read = _FORMS[column.type]
    nothing = {type(None)} if column.nullable else set()
    # 1 equals 1.0 and True, so equality counts only between the expected types.
    if not {raw_type, *nothing}.issuperset(map(type, raw)) or not {stored_type, *nothing}.issuperset(map(type, stored)):
        raise TypeError
    return read(column, raw, stored)


def _as_they_are(_column: ColumnPlan, raw: _Values, stored: _Values) -> tuple[_Values, _Values]:
    return raw, stored


def _as_moments(column: ColumnPlan, raw: _Values, stored: _Values) -> tuple[_Values, _Values]:
    joined = "\n".join(filter(None, raw))
    if _FINE_FRACTION.search(joined) or "," in joined:
        raise ValueError
    read = datetime.fromisoformat
    moments = [text and read(text) for text in raw]
    if not column.context.zone:
        # A naive moment equals no aware one, so a local time stays in doubt where a zone is known.
        pairs = zip(moments, raw, strict=True)
        moments = [read(f"{text}+00:00") if moment and not moment.tzinfo else moment for moment, text in pairs]
    return moments, stored


def _as_documents(_column: ColumnPlan, raw: _Values, stored: _Values) -> tuple[_Values, _Values]:
    """Read JSON where it is not the same text anyway."""
    wanted = [one if one == other else _to_old_document(one) for one, other in zip(raw, stored, strict=True)]
    found = [other if one == other else _to_document(_JSON, other) for one, other in zip(raw, stored, strict=True)]
    return wanted, found


def _to_old_document(text: str) -> Any:
    """Return what a text means, or what equals nothing, so that the others of the column need no second look."""
    try:
        return _to_document(_OLD_JSON, text)
    except (TypeError, ValueError, RecursionError):
        return object()


def _to_document(decoder: json.JSONDecoder, text: str) -> Any:
    value, end = decoder.raw_decode(text)
    if end != len(text):
        raise ValueError
    return value


# Digits as bytes equal the same digits alone: no string, no boolean, and no number that was rounded on the way.
_JSON = json.JSONDecoder(parse_int=str.encode, parse_float=str.encode)
_OLD_JSON = json.JSONDecoder(parse_int=str.encode, parse_float=str.encode, object_pairs_hook=refuse_repeats)


_FORMS: Mapping[ColumnType, tuple[type, type, Callable[[ColumnPlan, _Values, _Values], tuple[_Values, _Values]]]] = {
    ColumnType.TEXT: (str, str, _as_they_are),
    ColumnType.INTEGER: (int, int, _as_they_are),
    ColumnType.BOOLEAN: (int, bool, _as_they_are),
    ColumnType.INSTANT: (str, datetime, _as_moments),
    ColumnType.DOCUMENT: (str, str, _as_documents),
    ColumnType.REAL: (float, float, _as_they_are),
    ColumnType.BYTES: (bytes, bytes, _as_they_are),
}
"""The Python types of a column's values on both sides, and how to make them comparable."""
