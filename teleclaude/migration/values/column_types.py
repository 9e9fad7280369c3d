"""What a column of the target holds, for the conversion and for the verification. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum
from typing import Any


class ColumnType(StrEnum):
    """What a column of the target holds."""

    TEXT = "text"
    INTEGER = "bigint"
    BOOLEAN = "boolean"
    INSTANT = "timestamp with time zone"
    DOCUMENT = "jsonb"
    REAL = "double precision"
    BYTES = "bytea"


LONGEST_KEY_BYTES = 2600
"""A B-tree takes entries of up to 2,704 bytes (PostgreSQL manual, section 64.1)."""


@dataclass(frozen=True)
class Context:
    """What a conversion must know of its column."""

    zone: tzinfo | None = None
    """The zone of naive times with a `T`, None where they are UTC."""
    zone_until: date = date.max
    """The first day on which they are UTC all the same."""


STAND_INS: Mapping[ColumnType, Any] = {
    ColumnType.TEXT: "",
    ColumnType.INTEGER: 0,
    ColumnType.BOOLEAN: False,
    ColumnType.INSTANT: datetime(1970, 1, 1, tzinfo=UTC),
    ColumnType.DOCUMENT: "null",
    ColumnType.REAL: 0.0,
    ColumnType.BYTES: b"",
}
"""The value in the place of NULL where NULL is not allowed and the model has no default."""


def over_nulls(function: Callable[[Sequence[Any]], Sequence[Any]], values: Sequence[Any], null: Any) -> list[Any]:
    """Return what `function` makes of the values of a column that are not NULL, and `null` in the place of NULL."""
    if None not in values:
        return list(function(values))
    present = [value for value in values if value is not None]
    # A column of NULL alone is common, and there is nothing to check.
    results = iter(function(present) if present else ())
    return [null if value is None else next(results) for value in values]
