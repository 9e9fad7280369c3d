"""Columns of a batch in which no value needs a look of its own: one small check a type, one table at the end. Pure.

A check takes a column without NULL and returns it as PostgreSQL takes it, or raises ValueError where any value of it is
not surely clean. Then `coerce` looks at each; wherever a check returns, the two agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any, NoReturn

from teleclaude.migration.values.column_types import ColumnType, Context, over_nulls

Column = Sequence[Any]


def clean_column(values: Column, kind: ColumnType, *, nullable: bool, context: Context) -> Column:
    """Return a clean column of a batch as PostgreSQL takes it; raises ValueError where it may not be clean."""
    raw_type, check = CHECKS[kind]
    if not set(map(type, values)) <= ({raw_type, type(None)} if nullable else {raw_type}):
        raise ValueError(kind)
    return over_nulls(lambda present: check(present, context), values, None)


def check_nothing(values: Column, _context: Context) -> Column:
    """Return a column of which the type says everything."""
    return values


def check_texts(values: Column, _context: Context) -> Column:
    """Return texts without U+0000 and lone surrogates."""
    for text in _joined(values):
        if "\x00" in text:
            raise ValueError
        if not text.isascii():
            text.encode()
    return values


LARGE = 1 << 20


def _joined(texts: Column) -> Column:
    """Return one text of all, which is quicker to check; large ones as they are, since a wide character widens all."""
    return texts if sum(map(len, texts)) > LARGE else ("".join(texts),)


def check_booleans(values: Column, _context: Context) -> Column:
    """Return zeros and ones."""
    if not set(values) <= {0, 1}:
        raise ValueError
    return values


DIGITS = str.maketrans("123456789", "0" * 9)
DAY_AND_TIME = ("0000-00-00 00:00:00", "0000-00-00T00:00:00")
FRACTIONS = ("", *(f".{'0' * digits}" for digits in range(1, 7)))
SHAPES = {
    moment + fraction + offset: "" if offset else "+00:00"
    for moment, fraction, offset in product(DAY_AND_TIME, FRACTIONS, ("", "Z", "+00:00", "-00:00"))
}
"""Moments as the old program wrote them, with every digit a zero, and what they lack to be whole."""
NAIVE_WITH_T = frozenset(shape for shape, lacking in SHAPES.items() if lacking and "T" in shape)
ODD_MOMENT = re.compile("[ T]24|0001-01-01|9999-12-31")
"""Python 3.14 reads the hour as the next day; at both ends of the calendar an offset leads out of it."""


def check_instants(values: Column, context: Context) -> Column:
    """Return moments written in a usual shape, in UTC."""
    text = "\n".join(values)
    shapes = text.translate(DIGITS).split("\n")
    seen = set(shapes)
    if not seen <= SHAPES.keys() or (context.zone and seen & NAIVE_WITH_T) or ODD_MOMENT.search(text):
        raise ValueError
    read = datetime.fromisoformat
    return [read(value + SHAPES[shape]) for value, shape in zip(values, shapes, strict=True)]


SUSPICIOUS_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
"""U+0000, or half a surrogate pair; a whole pair, too, is left to a closer look."""


def check_documents(values: Column, _context: Context) -> Column:
    """Return JSON texts that jsonb holds, without white space around them."""
    for text in _joined(values):
        if SUSPICIOUS_ESCAPE.search(text):
            raise ValueError
        if not text.isascii():
            text.encode()
    objects: list[list[tuple[str, Any]]] = []
    # A method of a list, and one reader for all, because a function of our own for each object takes longer.
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


CHECKS: Mapping[ColumnType, tuple[type, Callable[[Column, Context], Column]]] = {
    ColumnType.TEXT: (str, check_texts),
    ColumnType.INTEGER: (int, check_nothing),
    ColumnType.BOOLEAN: (int, check_booleans),
    ColumnType.INSTANT: (str, check_instants),
    ColumnType.DOCUMENT: (str, check_documents),
    ColumnType.REAL: (float, check_nothing),
    ColumnType.BYTES: (bytes, check_nothing),
}
"""What SQLite must hold in every value that is not NULL, and the check."""
