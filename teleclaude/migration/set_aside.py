"""Rows that were set aside, read back: nothing here is shared with what wrote them."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.mismatch import value_differs
from teleclaude.migration.tables import TablePlan, rejects_table

Exact = tuple[tuple[type, Any], ...]
"""The values of a row with their types, so that 1 is neither 1.0 nor true, and 0.0 is not -0.0."""


async def read_set_aside(connection: AsyncConnection, table: TablePlan) -> Counter[Exact]:
    """Return the rows of a table that were set aside; raises VerificationError where one is none of this table."""
    name = rejects_table(table)
    if (await connection.exec_driver_sql("SELECT to_regclass($1)", (name,))).scalar() is None:
        return Counter()
    select = f"SELECT row FROM {name} WHERE part = $1"  # noqa: S608
    return Counter(
        _decode(table, text) for text in (await connection.exec_driver_sql(select, (table.label,))).scalars()
    )


def to_exact(row: Sequence[Any]) -> Exact:
    """Return a row of the old database so that it equals only the very same."""
    return tuple((type(value), value.hex() if type(value) is float else value) for value in row)


def _decode(table: TablePlan, text: str) -> Exact:
    alien = value_differs(table, None, "", "no such row", text)
    try:
        values = dict(json.loads(text))
        row = to_exact([_decode_value(values.pop(column.name)) for column in table.columns])
    except (ValueError, TypeError, KeyError):
        raise alien from None
    if values:
        raise alien
    return row


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
