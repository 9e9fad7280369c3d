"""How files of every age read as the models, as data. Pure.

A shape says by which SQL expression over the old table a column of the model is read. Today every column of the model
reads the column of its own name.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

NOT_CARRIED = {
    re.compile(r"sqlite_.*"): "SQLite's own bookkeeping; numbers to come are kept by identity columns",
    re.compile(r"schema_migrations"): "the old program's list of schema changes; the new schema has its own",
    re.compile(r".*_fts(_data|_idx|_docsize|_config|_content)?"): "a search index; PostgreSQL builds its own",
}
"""Tables that hold no data of their own (facts: schema; dirty data, 32)."""

LOCAL_TIME = {"sessions": frozenset({"created_at", "last_activity", "closed_at"})}
"""Columns in which a naive time with a `T` is local time of the computer (facts: schema history, datetime format)."""

LOCAL_TIME_UNTIL = date(2026, 1, 18)
"""From this day on the old program wrote UTC."""


def reason_not_carried(table: str) -> str | None:
    """Return why a table of the old database is left behind, None where it is not."""
    return next((reason for pattern, reason in NOT_CARRIED.items() if pattern.fullmatch(table)), None)


def read_expression(column: str, source_columns: Collection[str]) -> str | None:
    """Return the SQL that reads a column of a model from the old table, None where the old table has nothing for it."""
    return quote(column) if column in source_columns else None


def quote(name: str) -> str:
    """Return `name` as an SQL identifier, for SQLite and PostgreSQL."""
    return '"' + name.replace('"', '""') + '"'
