"""Columns of a batch whose values are all clean: one small check a type, one table at the end. Pure.

A check takes a column without NULL and returns it as PostgreSQL takes it, or raises ValueError where a value of it
may not be clean. Then `convert` looks at each value. Wherever a check returns, the two agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any, NoReturn

from teleclaude.migration.values.column_types import ColumnType, Context, over_nulls

_Column = Sequence[Any]


def clean_column(values: _Column, kind: ColumnType, *, nullable: bool, context: Context) -> _Column:
    """Return a clean column of a batch as PostgreSQL takes it; raises ValueError where it may not be clean."""
    raw_type, check = _CHECKS[kind]
    if not set(map(type, values)) <= ({raw_type, type(None)} if nullable else {raw_type}):
        raise ValueError(kind)
    return over_nulls(lambda present: check(present, context), values, None)


def _check_nothing(values: _Column, _context: Context) -> _Column:
    """Return a column as it is, because its type says everything."""
    return values


def _check_texts(values: _Column, _context: Context) -> _Column:
    """Return texts without U+0000 and lone surrogates."""
    for text in _joined(values):
        if "\x00" in text:
            raise ValueError
        if not text.isascii():
            text.encode()
    return values


_LARGE = 1 << 20


def _joined(texts: _Column) -> _Column:
    """Return one text of all, which is quicker to check. Large ones stay: one wide character would widen all."""
    return texts if sum(map(len, texts)) > _LARGE else ("".join(texts),)


def _check_booleans(values: _Column, _context: Context) -> _Column:
    """Return zeros and ones."""
    if not set(values) <= {0, 1}:
        raise ValueError
    return values


_DIGITS = str.maketrans("123456789", "0" * 9)
_DAY_AND_TIME = ("0000-00-00 00:00:00", "0000-00-00T00:00:00")
_FRACTIONS = ("", *(f".{'0' * digits}" for digits in range(1, 7)))
_FORMATS = {
    moment + fraction + offset: "" if offset else "+00:00"
    for moment, fraction, offset in product(_DAY_AND_TIME, _FRACTIONS, ("", "Z", "+00:00", "-00:00"))
}
"""The formats of the old program, with zeros for digits, and the offset that each lacks."""
_NAIVE_WITH_T = frozenset(written for written, lacking in _FORMATS.items() if lacking and "T" in written)
_ODD_MOMENT = re.compile("[ T]24|0001-01-01|9999-12-31")
"""Python 3.14 reads hour 24 as the next day. Near both ends of the calendar an offset may give a day outside it."""


def _check_instants(values: _Column, context: Context) -> _Column:
    """Return moments in a format of the old program, in UTC."""
    text = "\n".join(values)
    formats = text.translate(_DIGITS).split("\n")
    seen = set(formats)
    if not seen <= _FORMATS.keys() or (context.zone and seen & _NAIVE_WITH_T) or _ODD_MOMENT.search(text):
        raise ValueError
    read = datetime.fromisoformat
    return [read(value + _FORMATS[written]) for value, written in zip(values, formats, strict=True)]


_SUSPICIOUS_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""U+0000, or half a surrogate pair. A whole pair is found too, and left to `convert`."""


def _check_documents(values: _Column, _context: Context) -> _Column:
    """Return JSON texts that jsonb holds, without white space around them."""
    for text in _joined(values):
        if _SUSPICIOUS_ESCAPE.search(text):
            raise ValueError
        if not text.isascii():
            text.encode()
    objects: list[list[tuple[str, Any]]] = []
    # A method of a list and one reader for all are quicker than a function of our own for each object.
    reader = json.JSONDecoder(
        parse_constant=_refuse, parse_float=str, parse_int=str, object_pairs_hook=objects.append
    ).raw_decode
    try:
        whole = all(reader(value)[1] == len(value) for value in values)
    except RecursionError:
        whole = False
    if not whole or any(len(dict(pairs)) != len(pairs) for pairs in objects):
        raise ValueError
    return values


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_CHECKS: Mapping[ColumnType, tuple[type, Callable[[_Column, Context], _Column]]] = {
    ColumnType.TEXT: (str, _check_texts),
    ColumnType.INTEGER: (int, _check_nothing),
    ColumnType.BOOLEAN: (int, _check_booleans),
    ColumnType.INSTANT: (str, _check_instants),
    ColumnType.DOCUMENT: (str, _check_documents),
    ColumnType.REAL: (float, _check_nothing),
    ColumnType.BYTES: (bytes, _check_nothing),
}
"""What SQLite must hold in every value that is not NULL, and the check."""
