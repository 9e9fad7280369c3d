"""Column types that mean the same on SQLite and PostgreSQL, and the declarative class of all models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Identity, Integer, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A moment in time: `timestamptz` on PostgreSQL, naive UTC text on SQLite.

    Both directions use aware datetimes. A naive one is refused with ValueError, because asyncpg reads it in
    the client's time zone and reports nothing.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` as the driver takes it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment in time needs its offset from UTC")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what the driver read as an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


KEY = Text().with_variant(Text(collation="C"), "postgresql")
DOCUMENT = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
INTEGER = BigInteger().with_variant(Integer, "sqlite")

Key = Annotated[str, "key"]
"""An identifier: compared byte by byte on both databases, so that both sort it alike."""

Document = Annotated[Any, "document"]
"""JSON: text on SQLite, `jsonb` on PostgreSQL."""

RowId = Annotated[int, mapped_column(INTEGER, Identity(always=False), primary_key=True)]
"""A number that the database gives: AUTOINCREMENT on SQLite, an identity column on PostgreSQL."""

NOW = text("CURRENT_TIMESTAMP")

NUMBERED = {"sqlite_autoincrement": True}
"""Table arguments of a model with a `RowId`: SQLite never gives a number twice."""

_NAMING = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
}
"""PostgreSQL's own way to name constraints, spelled out so that SQLite has the same names."""


class Model(DeclarativeBase):
    """A table of TeleClaude."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map = {Key: KEY, Document: DOCUMENT, str: Text(), int: INTEGER, datetime: Instant()}  # noqa: RUF012
