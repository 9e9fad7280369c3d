"""The vocabulary in which revisions write tables: several columns of one kind at a time."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Boolean, Column, Constraint, DateTime, Identity, Text, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import AddConstraint
from sqlalchemy.sql.elements import ColumnElement, TextClause
from sqlalchemy.types import TypeEngine

from teleclaude.db.types import DOCUMENT, INTEGER, KEY

_Default = str | ColumnElement[bool] | TextClause | None


def _columns(kind: TypeEngine[Any], *names: str, nullable: bool = True, default: _Default = None) -> list[Column[Any]]:
    return [Column(name, kind, nullable=nullable, server_default=default) for name in names]


keys = partial(_columns, KEY)
"""Identifiers, compared byte by byte."""

texts = partial(_columns, Text())
documents = partial(_columns, DOCUMENT)
instants = partial(_columns, DateTime(timezone=True))
integers = partial(_columns, INTEGER)
booleans = partial(_columns, Boolean())


def row_id() -> Column[Any]:
    """A number that the database gives."""
    return Column("id", INTEGER, Identity(always=False), nullable=False)


def where(condition: str) -> dict[str, Any]:
    """The condition of a partial index, for both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def add_constraint(constraint: Constraint, *, not_valid: bool) -> TextClause:
    """Return ALTER TABLE … ADD for PostgreSQL, NOT VALID if asked: new rows are checked, old ones kept."""
    # Isolating the constraint would take it out of every later CREATE TABLE, on SQLite too.
    statement = str(AddConstraint(constraint, isolate_from_table=False).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    return text(statement + (" NOT VALID" if not_valid else ""))
