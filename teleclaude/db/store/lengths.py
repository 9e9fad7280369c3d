"""How long what a row holds is, and long texts cut where many rows are read at a time.

A row may hold a text of any length: a migration brings it whole. A list of such rows would take any memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from sqlalchemy import ColumnElement, Integer, Label, RowMapping, Text, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession as Orm
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

LONGEST_TEXT = 64 * 1024
"""In bytes of UTF-8: of a text that is sent to us, and of one in a list."""

PART = 200
"""The most rows that are read at a time."""

_TOO_LONG = "__too_long"
"""Ends the name of the column that says of a document whether it is left out."""


class _Octets(FunctionElement[int]):
    """The length of texts and documents in bytes, together. PostgreSQL tells it without reading a long text."""

    type = Integer()
    inherit_cache = True


@compiles(_Octets)
def _to_postgresql(element: _Octets, compiler: Any, **given: Any) -> str:
    return _add(element, compiler, "octet_length(CAST({} AS text))", given)


@compiles(_Octets, "sqlite")
def _to_sqlite(element: _Octets, compiler: Any, **given: Any) -> str:
    return _add(element, compiler, "length(CAST({} AS BLOB))", given)


def _add(element: _Octets, compiler: Any, form: str, given: dict[str, Any]) -> str:
    written = (form.format(compiler.process(each, **given)) for each in element.clauses)
    return "(" + " + ".join(f"coalesce({length}, 0)" for length in written) + ")"


@cache
def measure(columns: tuple[Any, ...]) -> ColumnElement[int]:
    """Return the length in bytes of the texts and documents in these columns together."""
    return _Octets(*filter(_is_long, columns))


def _is_long(column: Any) -> bool:
    return isinstance(column.type, Text) or _is_document(column)


def _is_document(column: Any) -> bool:
    return "JSON" in type(column.type).__name__


@cache
def read_shortened(columns: tuple[Any, ...]) -> tuple[Label[Any], ...]:
    """Return what to select, so that `shorten` tells what is too long without that it was read."""
    return tuple(selected for column in columns for selected in _read_shortened(column))


def _read_shortened(column: Any) -> Iterator[Label[Any]]:
    if _is_document(column):
        too_long = _Octets(column) > LONGEST_TEXT
        yield case((~too_long, column)).label(column.key)
        yield too_long.label(column.key + _TOO_LONG)
    elif _is_long(column):
        # One character more shows that there are more.
        yield func.substr(column, 1, LONGEST_TEXT + 1).label(column.key)
    else:
        yield column.label(column.key)


def shorten(row: RowMapping | Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a row with long texts cut and long documents left out; `cut` names these columns."""
    shortened: dict[str, Any] = {"cut": []}
    for name, value in row.items():
        if name.endswith(_TOO_LONG):
            shortened["cut"] += [name.removesuffix(_TOO_LONG)] if value else []
            continue
        shortened[name] = cut_text(value) if isinstance(value, str) else value
        if isinstance(value, str) and shortened[name] != value:
            shortened["cut"].append(name)
    return shortened


def cut_text(text: str) -> str:
    """Return a text, or as much of its beginning as fits into `LONGEST_TEXT`, in whole characters."""
    if len(text) * 4 <= LONGEST_TEXT:
        return text
    return text.encode()[:LONGEST_TEXT].decode(errors="ignore")


class TooLittleRoomError(Exception):
    """A row that is to be read whole is longer than the room for it."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def count_fitting(sizes: Sequence[int], room: int, *, whole: bool = False) -> int:
    """Return how many of these sizes, from the first on, fit into `room` together; at least one.

    Raises TooLittleRoomError where the first does not fit, and its row is not shortened.
    """
    if whole and sizes and sizes[0] > room:
        raise TooLittleRoomError(sizes[0])
    fitting = sum(total <= room for total in accumulate(sizes))
    return max(fitting, min(1, len(sizes)))


async def find_fitting(
    orm: Orm, columns: tuple[Any, ...], ids: Sequence[int], room: int, *, whole: bool = True
) -> tuple[list[int], list[int]]:
    """Return which of these rows to read now, and which later: the numbers of those that are there, in their order.

    The first of the columns has the numbers. Raises TooLittleRoomError.
    """
    key, asked = columns[0], ids[:PART]
    rows = await orm.execute(select(key, measure(columns)).where(key.in_(asked)))
    sizes = {row[0]: row[1] for row in rows}
    there = [id_ for id_ in asked if id_ in sizes]
    fitting = count_fitting([sizes[id_] for id_ in there], room, whole=whole)
    return there[:fitting], [*there[fitting:], *ids[PART:]]
