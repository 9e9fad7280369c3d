"""The plan of a table: its name, columns and key on the target, and how the old table is read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Text

from teleclaude.db.types import Instant
from teleclaude.migration.values.column_types import ColumnType, Context
from teleclaude.migration.values.identifiers import LEGACY, REJECTS, make_name, quote

PLAIN = Context()


@dataclass(frozen=True)
class ColumnPlan:
    """A column of the target: how it is read from the old table, its type, and the default for NULL."""

    name: str
    read: str
    type: ColumnType
    nullable: bool
    default: Any
    context: Context = PLAIN
    needs: tuple[str, ...] = ()
    """The columns of the old table that `read` uses, in lower case."""


@dataclass(frozen=True)
class SequencePlan:
    """An identity column, and what SQLite would have used next where it kept count."""

    column: str
    next_id: int | None


@dataclass(frozen=True)
class TablePlan:
    """A table of the target and where its rows come from."""

    source: str
    schema: str | None
    name: str
    columns: tuple[ColumnPlan, ...]
    key: tuple[str, ...]
    """The columns that name a row; empty where the old table has no key."""
    rows: int
    constants: tuple[tuple[str, Any], ...] = ()
    """Columns that get the same value in every row."""
    sequence: SequencePlan | None = None
    legacy: bool = False
    """Whether the models do not know the table, so that the migration creates it."""
    unique_key: bool = True
    """Whether SQLite itself let no two rows have the same key."""
    from_events: bool = False
    """Whether the rows come from events.db."""

    def key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return the key in a row of the old table, as it is there."""
        return tuple(value for value, column in zip(row, self.columns, strict=False) if column.name in self.key)

    @property
    def label(self) -> str:
        """The name for people."""
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def sql_name(self) -> str:
        """The name for PostgreSQL."""
        return f"{quote(self.schema)}.{quote(self.name)}" if self.schema else quote(self.name)

    @property
    def select(self) -> str:
        """The query that reads the old rows, always in the same order, one expression a column of the plan.

        It reads the table itself, because an index may lack rows.
        """
        return f"SELECT {', '.join(column.read for column in self.columns)} FROM {quote(self.source)} NOT INDEXED"  # noqa: S608


def renamed_columns(table: TablePlan) -> tuple[ColumnPlan, ...]:
    """Return the legacy columns whose old name PostgreSQL cannot hold."""
    # A key beside legacy columns may be read by a rule, which is no name.
    as_it_is = (column for column in table.columns if column.read.startswith('"'))
    return tuple(column for column in as_it_is if column.read != quote(column.name))


def rejects_name(source: str) -> str:
    """Return the name of the table in `legacy` that keeps the rejected rows of a table."""
    return make_name(f"{source}{REJECTS}")


def rejects_table(table: TablePlan) -> str:
    """Return the SQL name of the table that keeps the rejected rows of a table."""
    return f"{quote(LEGACY)}.{quote(rejects_name(table.source))}"


def column_type(column: Column[Any]) -> ColumnType:
    """Return what a column of a model holds."""
    kinds = {
        Text: ColumnType.TEXT,
        Instant: ColumnType.INSTANT,
        JSON: ColumnType.DOCUMENT,
        Boolean: ColumnType.BOOLEAN,
        BigInteger: ColumnType.INTEGER,
    }
    return next(kind for sqlalchemy_type, kind in kinds.items() if isinstance(column.type, sqlalchemy_type))
