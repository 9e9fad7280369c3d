"""Which values of a column evidently mean the same on both sides, a whole column at a time, for the proof. Pure.

Doubt is no difference yet: `verify` decodes by itself what is not evident here. So these comparisons may fail to see
that two values mean the same; they must never take two for the same that do not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from teleclaude.migration.plan.tables import ColumnPlan
from teleclaude.migration.values.column_types import ColumnType

Values = Sequence[Any]

FINE_FRACTION = re.compile(r"\.\d{7}")
"""A fraction that Python would cut to microseconds without a word."""


def find_doubtful(column: ColumnPlan, raw: Values, stored: Values) -> list[int]:
    """Return the places at which values of the old column and stored ones are not evidently the same."""
    try:
        wanted, found = _read(column, raw, stored)
        if wanted == found:
            return []
    except (TypeError, ValueError, RecursionError):
        return _halve(column, raw, stored)
    return [place for place, (one, other) in enumerate(zip(wanted, found, strict=True)) if one != other]


def _halve(column: ColumnPlan, raw: Values, stored: Values) -> list[int]:
    """Look for the few values that cannot be read, so that the others need not be doubted with them."""
    if len(raw) == 1:
        return [0]
    middle = len(raw) // 2
    first = find_doubtful(column, raw[:middle], stored[:middle])
    return first + [middle + place for place in find_doubtful(column, raw[middle:], stored[middle:])]


def is_plain(column: ColumnPlan, raw: Values) -> bool:
    """Whether every value of a column of a key is evidently stored as it is."""
    if column.type is ColumnType.TEXT and {*map(type, raw)} <= {str}:
        joined = "".join(raw)
        return joined.isascii() and "\x00" not in joined
    return column.type is ColumnType.INTEGER and {*map(type, raw)} <= {int}


def _read(column: ColumnPlan, raw: Values, stored: Values) -> tuple[Values, Values]:
    """Return both sides in a form in which only equal values are equal; raises TypeError or ValueError for others."""
    form = FORMS[column.type]
    nothing = {type(None)} if column.nullable else set()
    # 1 equals 1.0 and True, so equality counts only between the expected types.
    if not {form.raw, *nothing}.issuperset(map(type, raw)) or not {form.stored, *nothing}.issuperset(map(type, stored)):
        raise TypeError
    return form.read(column, raw, stored)


def _as_they_are(_column: ColumnPlan, raw: Values, stored: Values) -> tuple[Values, Values]:
    return raw, stored


def _as_moments(column: ColumnPlan, raw: Values, stored: Values) -> tuple[Values, Values]:
    joined = "\n".join(filter(None, raw))
    if FINE_FRACTION.search(joined) or "," in joined:
        raise ValueError
    read = datetime.fromisoformat
    moments = [text and read(text) for text in raw]
    if not column.context.zone:
        # A naive moment equals no aware one, so that one of the computer's zone stays in doubt.
        pairs = zip(moments, raw, strict=True)
        moments = [read(f"{text}+00:00") if moment and not moment.tzinfo else moment for moment, text in pairs]
    return moments, stored


def _as_documents(_column: ColumnPlan, raw: Values, stored: Values) -> tuple[Values, Values]:
    """Read JSON where it is not the same text anyway."""
    wanted = [one if one == other else _to_old_document(one) for one, other in zip(raw, stored, strict=True)]
    found = [other if one == other else _to_document(JSON, other) for one, other in zip(raw, stored, strict=True)]
    return wanted, found


def _to_old_document(text: str) -> Any:
    """Return what a text means, where it means nothing what equals nothing: others need not be read again for it."""
    try:
        return _to_document(OLD_JSON, text)
    except (TypeError, ValueError, RecursionError):
        return NOTHING


NOTHING = object()


def _to_document(decoder: json.JSONDecoder, text: str) -> Any:
    value, end = decoder.raw_decode(text)
    if end != len(text):
        raise ValueError
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


# Digits as bytes equal the same digits alone: no string, no boolean, and no number that was rounded on the way.
JSON = json.JSONDecoder(parse_int=str.encode, parse_float=str.encode)
OLD_JSON = json.JSONDecoder(parse_int=str.encode, parse_float=str.encode, object_pairs_hook=_unique)


@dataclass(frozen=True)
class Form:
    """The Python types of a column's values on both sides, and how to make them comparable."""

    raw: type
    stored: type
    read: Callable[[ColumnPlan, Values, Values], tuple[Values, Values]] = _as_they_are


FORMS: Mapping[ColumnType, Form] = {
    ColumnType.TEXT: Form(str, str),
    ColumnType.INTEGER: Form(int, int),
    ColumnType.BOOLEAN: Form(int, bool),
    ColumnType.INSTANT: Form(str, datetime, _as_moments),
    ColumnType.DOCUMENT: Form(str, str, _as_documents),
    ColumnType.REAL: Form(float, float),
    ColumnType.BYTES: Form(bytes, bytes),
}
