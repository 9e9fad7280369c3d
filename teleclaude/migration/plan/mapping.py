"""Where every table and column of the old database goes, and as which type. Pure.

Types, defaults and keys come from the models' metadata. A table that the models do not know keeps its own name; a
column that they do not know goes to `legacy.<table>`, beside the primary key of its row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Column, DefaultClause, Table

from teleclaude.db.models import Model
from teleclaude.db.schema import INDEXES, VERSION_TABLE
from teleclaude.migration.plan.tables import PLAIN, ColumnPlan, SequencePlan, TablePlan, column_type, rejects_name
from teleclaude.migration.source import old_schema
from teleclaude.migration.source.installation import SourceColumn, SourceTable
from teleclaude.migration.values.column_types import STAND_INS, ColumnType, Context
from teleclaude.migration.values.identifiers import (
    EVENTS,
    LEGACY,
    MOST_KEY_COLUMNS,
    REJECTS,
    SYSTEM_COLUMNS,
    make_names,
    quote,
)


@dataclass(frozen=True)
class MappingInput:
    """What the plan of a table depends on besides the table."""

    constants: Mapping[str, tuple[tuple[str, Any], ...]]
    """Constant columns, by table."""
    taken: frozenset[str]
    """Names on the target that are not ours."""
    zone: tzinfo
    started_at: datetime


def make_tables(tables: tuple[SourceTable, ...], given: MappingInput) -> tuple[TablePlan, ...]:
    """Return the plan of every table, parents before children."""
    order = {table.name: place for place, table in enumerate(Model.metadata.sorted_tables)}
    models = old_schema.find_models(tables)
    moved = [table for table in tables if old_schema.has_data(table)]
    known = sorted((table for table in moved if table.name in models), key=lambda table: order[models[table.name]])
    plans = [plan for table in known for plan in _plan_known(table, Model.metadata.tables[models[table.name]], given)]
    unknown = [_plan_unknown(table) for table in moved if table.name not in models]
    return (*plans, *_place(unknown, plans, given.taken))


def make_event_tables(tables: tuple[SourceTable, ...]) -> tuple[TablePlan, ...]:
    """Return the plan of every table of events.db."""
    moved = [_plan_unknown(table) for table in tables if old_schema.has_data(table)]
    names = make_names([table.source for table in moved])
    return tuple(replace(table, schema=EVENTS, name=names[table.source], from_events=True) for table in moved)


def _relations() -> Iterator[str]:
    """Yield every name that our schema takes: tables, indexes and sequences share one namespace (pg_class)."""
    yield from (VERSION_TABLE, f"{VERSION_TABLE}_pkc", *INDEXES)
    for table in Model.metadata.sorted_tables:
        yield table.name
        yield from (str(index.name) for index in table.indexes)
        yield from (str(constraint.name) for constraint in table.constraints)
        yield from (f"{table.name}_{column.name}_seq" for column in table.columns if column.identity is not None)


def _place(tables: list[TablePlan], ours: list[TablePlan], taken: frozenset[str]) -> Iterator[TablePlan]:
    """Give a table that the models do not know its own name, in `legacy` where that is taken."""
    taken = taken.union(_relations())
    # PostgreSQL looks for a name with this beginning in its own catalogue first.
    beside = [table.source for table in tables if table.source in taken or table.source.startswith("pg_")]
    rejects = {rejects_name(table.source) for table in (*tables, *ours)}
    rejects |= {name for name in beside if name.endswith(REJECTS)}
    in_legacy = make_names(beside, rejects.union(table.name for table in ours if table.schema == LEGACY))
    in_public = make_names([table.source for table in tables if table.source not in in_legacy], taken)
    for table in tables:
        if table.source in in_legacy:
            yield replace(table, schema=LEGACY, name=in_legacy[table.source])
        else:
            yield replace(table, name=in_public[table.source])


def _plan_known(source: SourceTable, model: Table, given: MappingInput) -> Iterator[TablePlan]:
    names = [column.name for column in source.columns]
    constants = given.constants.get(model.name, ())
    ours = [column for column in model.columns if column.name not in dict(constants)]
    reads = {column: old_schema.choose_read(model.name, column.name, names) or _nothing_for(column) for column in ours}
    columns = tuple(_plan_column(column, read, given) for column, read in reads.items() if read is not None)
    key = tuple(column.name for column in model.primary_key)
    declared = {old_schema.fold(column.name) for column in source.columns if column.key_position}
    unique = declared == set(key) and source.unique
    sequence = SequencePlan(key[0], source.next_id) if model.columns[key[0]].identity is not None else None
    yield TablePlan(source.name, None, model.name, columns, key, source.rows, constants, sequence, unique_key=unique)
    verbatim = {old_schema.fold(column.read) for column in columns}
    rest = [column for column in source.columns if old_schema.fold(quote(column.name)) not in verbatim]
    if rest:
        keys = tuple(column for column in columns if column.name in key)
        beside = (*keys, *_plan_unknown_columns(rest, taken=key))
        yield TablePlan(source.name, LEGACY, model.name, beside, key, source.rows, legacy=True, unique_key=unique)


def _nothing_for(column: Column[Any]) -> old_schema.Read | None:
    """Read NULL for a column that must hold something and has no default, so that its stand-in is in the ledger."""
    filled = column.nullable or column.server_default is not None or column.identity is not None
    return None if filled else old_schema.Read((), "NULL")


def _plan_column(column: Column[Any], read: old_schema.Read, given: MappingInput) -> ColumnPlan:
    kind = column_type(column)
    local = column.name in old_schema.LOCAL_TIME.get(column.table.name, ())
    context = Context(given.zone, old_schema.LOCAL_TIME_UNTIL) if local else PLAIN
    default = _default(column, kind, given.started_at)
    # NULL in a key has no default: its row is rejected.
    nullable = bool(column.nullable) or column.primary_key
    return ColumnPlan(column.name, read.sql, kind, nullable, default, context, read.needs)


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


def _plan_unknown(source: SourceTable) -> TablePlan:
    key = sorted((column for column in source.columns if column.key_position), key=lambda column: column.key_position)
    # A key that holds NULL names no row, so it is no key.
    whole = len(key) <= MOST_KEY_COLUMNS and not any("null" in column.storage for column in key)
    columns = tuple(_plan_unknown_columns(source.columns))
    names = {column.read: column.name for column in columns}
    named = tuple(names[quote(column.name)] for column in key) if whole else ()
    return TablePlan(source.name, None, source.name, columns, named, source.rows, legacy=True, unique_key=source.unique)


def _plan_unknown_columns(columns: Sequence[SourceColumn], taken: Sequence[str] = ()) -> Iterator[ColumnPlan]:
    kinds = {
        frozenset({"integer"}): ColumnType.INTEGER,
        frozenset({"real"}): ColumnType.REAL,
        frozenset({"blob"}): ColumnType.BYTES,
    }
    names = make_names([column.name for column in columns], SYSTEM_COLUMNS.union(taken))
    for column in columns:
        kind = kinds.get(column.storage - {"null"}, ColumnType.TEXT)
        yield ColumnPlan(names[column.name], quote(column.name), kind, nullable=True, default=None)


@dataclass(frozen=True)
class ColumnMapping:
    """Where a column of the old database goes.

    `mapped` to one column; `consumed` by rules that read it, and kept in `legacy` as well; `legacy`, because the models
    do not know it; or `left`.
    """

    table: str
    column: str
    mapping: str
    to: str


def map_columns(tables: tuple[SourceTable, ...], plans: tuple[TablePlan, ...]) -> tuple[ColumnMapping, ...]:
    """Return the mapping of every column of a database; `plans` are those of its tables alone.

    Raises KeyError for a column without a place: none may be without one.
    """
    return tuple(mapping for table in tables for mapping in _map_table(table, plans))


def _map_table(table: SourceTable, plans: tuple[TablePlan, ...]) -> Iterator[ColumnMapping]:
    yield from (ColumnMapping(table.name, name, "left", f"computed; {reason}") for name, reason in table.computed)
    reason = old_schema.reason_left(table)
    if reason is not None:
        yield from (ColumnMapping(table.name, column.name, "left", reason) for column in table.columns)
        return
    places = [(plan, place) for plan in plans if plan.source == table.name for place in plan.columns]
    # The first place counts: a key is in the table of the model and in that of the legacy columns.
    as_it_is = {old_schema.fold(place.read): (plan, place) for plan, place in reversed(places)}
    readers: dict[str, list[str]] = {}
    for plan, place in places:
        for need in dict.fromkeys(place.needs):
            readers.setdefault(need, []).append(f"{plan.label}.{place.name}")
    for column in table.columns:
        plan, place = as_it_is[old_schema.fold(quote(column.name))]
        consumers = readers.get(old_schema.fold(column.name), []) if plan.legacy else []
        mapping = "consumed" if consumers else "legacy" if plan.legacy else "mapped"
        yield ColumnMapping(table.name, column.name, mapping, ", ".join([*consumers, f"{plan.label}.{place.name}"]))
