"""The vocabulary in which revisions write tables: several columns of one kind at a time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Constraint, DateTime, Identity, Text, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import AddConstraint
from sqlalchemy.sql.elements import ColumnElement, TextClause
from sqlalchemy.types import TypeEngine

from teleclaude.db.types import DOCUMENT, INTEGER, KEY

_Default = str | ColumnElement[bool] | TextClause | None


def _columns(kind: TypeEngine[Any], names: tuple[str, ...], nullable: bool, default: _Default) -> list[Column[Any]]:
    return [Column(name, kind, nullable=nullable, server_default=default) for name in names]


def keys(*names: str, nullable: bool = True) -> list[Column[Any]]:
    """Identifiers, compared byte by byte."""
    return _columns(KEY, names, nullable, None)


def texts(*names: str, nullable: bool = True, default: _Default = None) -> list[Column[Any]]:
    """Text."""
    return _columns(Text(), names, nullable, default)


def documents(*names: str, nullable: bool = True, default: _Default = None) -> list[Column[Any]]:
    """JSON documents."""
    return _columns(DOCUMENT, names, nullable, default)


def instants(*names: str, nullable: bool = True, default: _Default = None) -> list[Column[Any]]:
    """Moments in time."""
    return _columns(DateTime(timezone=True), names, nullable, default)


def integers(*names: str, nullable: bool = True, default: _Default = None) -> list[Column[Any]]:
    """Integers of 64 bit."""
    return _columns(INTEGER, names, nullable, default)


def booleans(*names: str, nullable: bool = True, default: _Default = None) -> list[Column[Any]]:
    """Booleans."""
    return _columns(Boolean(), names, nullable, default)


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
