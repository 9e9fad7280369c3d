"""Which table and column of the old database goes where, and as what. Pure.

Types, defaults and keys come from the models' metadata. What the models do not know is carried beside them: a table
under its own name, a column to `legacy.<table>` with the primary key of its row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, DefaultClause, Table, Text

from teleclaude.db.models import Model
from teleclaude.db.schema import VERSION_TABLE
from teleclaude.db.types import Instant
from teleclaude.migration.columns import STAND_INS, ColumnType, Context
from teleclaude.migration.inventory import SourceColumn, SourceTable
from teleclaude.migration.shapes import LOCAL_TIME, LOCAL_TIME_UNTIL, Read, choose_read, quote, reason_not_carried

PLAIN = Context()

LEGACY = "legacy"
"""The schema for what the models do not know."""

EVENTS = "events"
"""The schema for the tables of events.db, the second database of an installation."""


@dataclass(frozen=True)
class ColumnPlan:
    """A column of the target: how it is read from the old table, its type, and what stands for NULL."""

    name: str
    read: str
    type: ColumnType
    nullable: bool
    default: Any
    context: Context = PLAIN
    needs: tuple[str, ...] = ()
    """The columns of the old table that the expression draws on."""


@dataclass(frozen=True)
class IdentityPlan:
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
    identity: IdentityPlan | None = None
    carried: bool = False
    """Whether the models do not know the table, so that the migration creates it."""
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
        """The query that reads the old rows, one expression a column of the plan."""
        return f"SELECT {', '.join(column.read for column in self.columns)} FROM {quote(self.source)}"  # noqa: S608


@dataclass(frozen=True)
class ColumnFate:
    """What becomes of a column of the old database.

    `mapped` to a column as it is, `consumed` by rules that draw on it and carried beside the row as well, `carried`
    because the models do not know it, or `left`.
    """

    table: str
    column: str
    fate: str
    to: str


@dataclass(frozen=True)
class Circumstances:
    """What the plan of a table depends on besides the table."""

    constants: Mapping[str, tuple[tuple[str, Any], ...]]
    """Constant columns, by table."""
    taken: frozenset[str]
    """Names of tables on the target that are not ours."""
    zone: tzinfo
    started_at: datetime


def make_tables(tables: tuple[SourceTable, ...], given: Circumstances) -> tuple[TablePlan, ...]:
    """Return the plan of every table, parents before children."""
    order = {table.name: place for place, table in enumerate(Model.metadata.sorted_tables)}
    carried = [table for table in tables if is_carried(table)]
    known = sorted((table for table in carried if is_known(table)), key=lambda table: order[table.name.lower()])
    unknown = [table for table in carried if not is_known(table)]
    plans = [plan for table in known for plan in _plan_known(table, Model.metadata.tables[table.name.lower()], given)]
    return (*plans, *(_plan_unknown(table, given) for table in unknown))


def missing_columns(source: SourceTable) -> tuple[str, ...]:
    """Return the columns of the model that an old table has nothing for, none where the models do not know it."""
    names = [column.name for column in source.columns]
    columns = tuple(Model.metadata.tables[source.name.lower()].columns) if is_known(source) else ()
    wanted = (column.name for column in columns if not column.name.startswith("owner_"))
    return tuple(name for name in wanted if choose_read(source.name.lower(), name, names) is None)


NEW = frozenset({"audit_log", "migration_runs"})
"""Tables of the models that no old release had; what an old file has under such a name is something else."""


def is_known(table: SourceTable) -> bool:
    """Whether an old table is one of the models'."""
    return table.name.lower() in Model.metadata.tables.keys() - NEW


def is_carried(table: SourceTable) -> bool:
    """Whether an old table holds data of its own."""
    return reason_not_carried(table.name, search_index=table.search_index) is None


def make_event_tables(tables: tuple[SourceTable, ...]) -> tuple[TablePlan, ...]:
    """Return the plan of every table of events.db."""
    carried = (_carry_table(table) for table in tables if is_carried(table))
    return tuple(replace(table, schema=EVENTS, from_events=True) for table in carried)


def make_fates(tables: tuple[SourceTable, ...], plans: tuple[TablePlan, ...]) -> tuple[ColumnFate, ...]:
    """Return the fate of every column of a database; none is without one. `plans` are those of its tables alone."""
    return tuple(_fate(table, column, plans) for table in tables for column in table.columns)


def _fate(table: SourceTable, column: SourceColumn, plans: tuple[TablePlan, ...]) -> ColumnFate:
    reason = reason_not_carried(table.name, search_index=table.search_index)
    if reason is not None:
        return ColumnFate(table.name, column.name, "left", reason)
    places = [(plan, place) for plan in plans if plan.source == table.name for place in plan.columns]
    as_it_is = [(plan, place) for plan, place in places if place.read.lower() == quote(column.name).lower()]
    # The first is the place among its own kind; keys stand beside carried columns as well.
    plan, place = as_it_is[0]
    draws = [f"{plan.label}.{place.name}" for plan, place in places if column.name.lower() in place.needs]
    if not plan.carried:
        return ColumnFate(table.name, column.name, "mapped", f"{plan.label}.{place.name}")
    fate = "consumed" if draws else "carried"
    return ColumnFate(table.name, column.name, fate, ", ".join([*draws, f"{plan.label}.{place.name}"]))


def _plan_known(source: SourceTable, model: Table, given: Circumstances) -> Iterator[TablePlan]:
    names = [column.name for column in source.columns]
    constants = given.constants.get(model.name, ())
    ours = [column for column in model.columns if column.name not in dict(constants)]
    reads = {column: choose_read(model.name, column.name, names) or _nothing_for(column) for column in ours}
    columns = tuple(_plan_column(column, read, given) for column, read in reads.items() if read is not None)
    key = tuple(column.name for column in model.primary_key)
    numbered = model.columns[key[0]].identity is not None
    yield TablePlan(
        source=source.name,
        schema=None,
        name=model.name,
        columns=columns,
        key=key,
        rows=source.rows,
        constants=constants,
        identity=IdentityPlan(key[0], source.next_id) if numbered else None,
    )
    verbatim = {column.read.lower() for column in columns}
    rest = tuple(_carry_column(column) for column in source.columns if quote(column.name).lower() not in verbatim)
    if rest:
        keys = tuple(column for column in columns if column.name in key)
        yield TablePlan(source.name, LEGACY, model.name, keys + rest, key, source.rows, carried=True)


def _nothing_for(column: Column[Any]) -> Read | None:
    """Read NULL for a column that must hold something and has no default, so that its stand-in is in the ledger."""
    filled = column.nullable or column.server_default is not None or column.identity is not None
    return None if filled else Read((), "NULL")


def _plan_column(column: Column[Any], read: Read, given: Circumstances) -> ColumnPlan:
    kind = column_type(column)
    local = column.name in LOCAL_TIME.get(column.table.name, ())
    context = Context(given.zone, LOCAL_TIME_UNTIL) if local else PLAIN
    default = _default(column, kind, given.started_at)
    # NULL in a key has no default: its row is set aside.
    nullable = bool(column.nullable) or column.primary_key
    return ColumnPlan(column.name, read.sql, kind, nullable, default, context, read.needs)


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


def _default(column: Column[Any], kind: ColumnType, started_at: datetime) -> Any:
    clause = column.server_default
    if not isinstance(clause, DefaultClause):
        return STAND_INS[kind]
    written = clause.arg if isinstance(clause.arg, str) else str(clause.arg)
    match kind:
        case ColumnType.INTEGER:
            return int(written)
        case ColumnType.BOOLEAN:
            return written == "true"
        case ColumnType.INSTANT:
            return started_at
        case _:
            return written


def _plan_unknown(source: SourceTable, given: Circumstances) -> TablePlan:
    taken = source.name in given.taken or source.name in {*Model.metadata.tables, VERSION_TABLE}
    # PostgreSQL looks for such a name in its own catalogue first.
    taken = taken or source.name.startswith("pg_")
    return replace(_carry_table(source), schema=LEGACY if taken else None)


def _carry_table(source: SourceTable) -> TablePlan:
    key = sorted((column for column in source.columns if column.key_position), key=lambda column: column.key_position)
    # A key that holds NULL names no row, so it is no key.
    whole = not any("null" in column.storage for column in key)
    return TablePlan(
        source=source.name,
        schema=None,
        name=source.name,
        columns=tuple(_carry_column(column) for column in source.columns),
        key=tuple(column.name for column in key) if whole else (),
        rows=source.rows,
        carried=True,
    )


def _carry_column(column: SourceColumn) -> ColumnPlan:
    kinds = {
        frozenset({"integer"}): ColumnType.INTEGER,
        frozenset({"real"}): ColumnType.REAL,
        frozenset({"blob"}): ColumnType.BYTES,
    }
    kind = kinds.get(column.storage - {"null"}, ColumnType.TEXT)
    return ColumnPlan(column.name, quote(column.name), kind, nullable=True, default=None)
