"""Rejected rows, read back and verified: nothing here is shared with what wrote them."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

from teleclaude.migration.plan.tables import TablePlan, rejects_table
from teleclaude.migration.verify.mismatch import Words, value_differs
from teleclaude.migration.verify.read_back import Row, Target
from teleclaude.printable import count

_PAGE_ROWS = 1000
_PAGE_BYTES = 1 << 20
"""A page of rejected rows ends with the row that fills it."""

_Exact = tuple[tuple[type, Any], ...]
"""The values of a row with their types, so that 1 is neither 1.0 nor true, and 0.0 is not -0.0."""


async def count_rejects(target: Target, table: TablePlan) -> int:
    """Return the number of rejected rows of a table."""
    name = rejects_table(table)
    ((exists,),) = await target.fetch("SELECT to_regclass($1) IS NOT NULL", (name,))
    if not exists:
        return 0
    ((number,),) = await target.fetch(f"SELECT count(*) FROM {name} WHERE part = $1", (table.label,))  # noqa: S608
    return int(number)


async def without_rejects(
    target: Target, table: TablePlan, batches: Iterable[list[Row]]
) -> AsyncGenerator[list[Row], None]:
    """Yield the rows of the old table, read in the order of the plan, that were not rejected.

    Raises VerificationError where a rejected row is not exactly the old row at its position, and where one is met
    twice or never.
    """
    number = await count_rejects(target, table)
    begin = met = 0
    async with aclosing(_read_rejects(target, table, number)) as rejects:
        reject = await anext(rejects, None)
        for rows in batches:
            rejected: set[int] = set()
            while reject is not None and (place := reject[0] - begin) < len(rows):
                _check(table, rows[place], reject[1])
                rejected.add(place)
                reject = await anext(rejects, None)
            begin, met = begin + len(rows), met + len(rejected)
            if rejected:
                rows[:] = [row for place, row in enumerate(rows) if place not in rejected]
            if rows:
                yield rows
            # No row stays in memory while others are read.
            del rows
        if reject is not None:
            raise value_differs(table, None, "", Words("no such row"), reject[1])
    # Those without a position, or before the first row, are on no page.
    if met != number:
        raise value_differs(table, None, "", Words(count(met, "rejected row")), Words(count(number, "rejected row")))


async def _read_rejects(target: Target, table: TablePlan, number: int) -> AsyncGenerator[tuple[int, str], None]:
    """Yield the position of every rejected row of a table among the old rows, from 0, and what PostgreSQL keeps of it.

    The positions ascend, none comes twice, and a page is in memory at a time.
    """
    page = f"""
        SELECT position, row FROM (
            SELECT position, row, sum(octet_length(row)) OVER (ORDER BY position) - octet_length(row) AS before FROM (
                SELECT position, row FROM {rejects_table(table)} WHERE part = $1 AND position > $2
                ORDER BY position LIMIT {_PAGE_ROWS}) AS next) AS sized
        WHERE before < {_PAGE_BYTES} ORDER BY position"""  # noqa: S608
    last = -1
    while number and (rows := await target.fetch(page, (table.label, last))):
        for position, text in rows:
            if position <= last:
                raise value_differs(table, None, "", Words("one such row"), text)
            last = position
            yield position, text


def _check(table: TablePlan, row: Row, kept: str) -> None:
    """Raise VerificationError where a rejected row is not exactly the row of the old database."""
    if _decode(table, kept) != _to_exact(row):
        raise value_differs(table, table.key_of(row), "", row, kept)


def _to_exact(row: Row) -> _Exact:
    """Return a row of the old database so that it equals only the very same."""
    return tuple((type(value), value.hex() if type(value) is float else value) for value in row)


def _decode(table: TablePlan, text: str) -> _Exact | None:
    """Return a rejected row, None where it is none of this table."""
    try:
        values = dict(json.loads(text))
        row = _to_exact([_decode_value(values.pop(column.name)) for column in table.columns])
    except (ValueError, TypeError, KeyError):
        return None
    return None if values else row


def _decode_value(value: Any) -> Any:
    match value:
        case {"base64": str(written), **rest} if not rest:
            return base64.b64decode(written, validate=True)
        case {"float": str(written), **rest} if not rest:
            return float(written)
        case None | int() | str() if not isinstance(value, bool):
            return value
        case _:
            raise ValueError
