"""What the private copy of an old database holds: tables, columns, rows, and what of them this SQLite can read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from teleclaude.db.engine import make_reader
from teleclaude.db.models import Model
from teleclaude.db.models.queues import WAITING
from teleclaude.errors import SourceError
from teleclaude.migration.discover import problems
from teleclaude.migration.discover.soundness import Checker, find_damage, is_damage, is_understood
from teleclaude.migration.source.installation import SourceColumn, SourceTable
from teleclaude.migration.source.json_member import count_pending
from teleclaude.migration.source.old_schema import OWNERS, find_models, fold, has_data
from teleclaude.migration.source.reader import naming_large
from teleclaude.migration.values.identifiers import quote

_MIGRATIONS = "schema_migrations"
"""The table in which the old program recorded the changes of its schema."""

_SHADOWS = ("", "_data", "_idx", "_docsize", "_config")
"""The tables of an FTS5 index (SQLite manual, FTS5, section 9); a table `_content` holds data of its own."""

_HIDDEN, _COMPUTED = 1, 2
"""Columns of a virtual table that are no columns, and those that are computed when they are read (PRAGMA table_xinfo).
"""


@dataclass(frozen=True)
class _Content:
    """The part of a SourceDatabase that is read from the copy."""

    migrations: tuple[str, ...]
    tables: tuple[SourceTable, ...]
    others: tuple[tuple[str, str], ...]
    pending_deletions: int
    waiting: tuple[tuple[str, int], ...]
    collations: frozenset[str]


def read_content(copy: Path, path: Path, setting: str = "") -> _Content:
    """Read a copy of the database at `path`, which a setting may name.

    Raises SourceError where it is damaged, cannot be read, or is no database.
    """
    try:
        with closing(Checker(copy)) as checker:
            return _read(copy, path, checker)
    except UnicodeEncodeError:
        raise SourceError(problems.NAME_NOT_UTF8.fill(path=path)) from None
    except (DBAPIError, sqlite3.DatabaseError) as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        if setting and getattr(said, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
            raise SourceError(problems.NAMED_FOREIGN.fill(named=path, setting=setting)) from None
        if said is not None and is_damage(said) and not _is_newer(copy):
            raise SourceError(problems.DAMAGED.fill(path=path, reason=said)) from None
        raise SourceError(problems.NOT_READ.fill(version=sqlite3.sqlite_version, path=path, reason=said)) from None


def _is_newer(copy: Path) -> bool:
    """Whether a file has a later format than SQLite reads today (manual, "Database File Format", section 1.3)."""
    with copy.open("rb") as file:
        header = file.read(20)
    return header.startswith(b"SQLite format 3\0") and header[19:] > b"\x02"


def _read(copy: Path, path: Path, checker: Checker) -> _Content:
    engine = make_reader(copy)
    with engine.connect() as connection:
        understood = is_understood(connection, path)
        search = _search_tables(connection)
        damage = find_damage(
            checker, lambda name: name in search or name.startswith("sqlite_stat"), understood=understood
        )
    engine.dispose()
    if damage is not None:
        raise SourceError(problems.DAMAGED.fill(path=path, reason=damage))
    collations = frozenset(checker.collations)
    engine = make_reader(copy, collations=collations)
    try:
        with engine.connect() as connection:
            tables = _read_tables(connection, checker, search)
            return _Content(
                _read_migrations(connection, tables),
                tables,
                _read_others(connection),
                _count_pending(connection, tables),
                tuple(_count_waiting(connection, tables)),
                collations,
            )
    finally:
        engine.dispose()


def _read_tables(connection: Connection, checker: Checker, search: frozenset[str]) -> tuple[SourceTable, ...]:
    query = "SELECT name, rootpage > 0 FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
    found = []
    for name, stored in connection.exec_driver_sql(query).all():
        table = SourceTable(name, (), 0, search_index=name in search)
        try:
            table = _read_table(connection, table)
        except DBAPIError as error:
            if stored:
                raise
            # SQLite lacks the module or a tokenizer, or what the module keeps is damaged; that is in other tables.
            table = replace(table, closed="" if table.search_index else str(error.orig))
        found.append(_read_indexes(checker, table) if stored and has_data(table) else table)
    return tuple(found)


def _read_indexes(checker: Checker, table: SourceTable) -> SourceTable:
    broken = checker.find_broken_indexes(table.name, table.rows)
    unique = not broken and not checker.has_unknown_order(table.name)
    return replace(table, broken_indexes=broken, unique=unique)


def _read_migrations(connection: Connection, tables: tuple[SourceTable, ...]) -> tuple[str, ...]:
    if not any(column.name == "version" for table in tables if table.name == _MIGRATIONS for column in table.columns):
        return ()
    query = "SELECT version FROM schema_migrations NOT INDEXED WHERE version IS NOT NULL ORDER BY version"
    return tuple(map(str, connection.exec_driver_sql(query).scalars()))


def _read_others(connection: Connection) -> tuple[tuple[str, str], ...]:
    query = "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger') ORDER BY type, name"
    return tuple((str(kind), str(name)) for kind, name in connection.exec_driver_sql(query))


def _count_pending(connection: Connection, tables: tuple[SourceTable, ...]) -> int:
    """Return how many messages `ux_state` of the sessions lists for deletion."""
    models = find_models(tables)
    sessions = next((table for table in tables if models.get(table.name) == "sessions"), None)
    if sessions is None or "ux_state" not in [fold(column.name) for column in sessions.columns]:
        return 0
    query = f"SELECT CAST(ux_state AS BLOB) FROM {quote(sessions.name)} NOT INDEXED"  # noqa: S608
    return sum(map(count_pending, connection.exec_driver_sql(query).scalars()))


def _count_waiting(connection: Connection, tables: tuple[SourceTable, ...]) -> Iterator[tuple[str, int]]:
    """Yield the queues with rows that a daemon would still send, and how many."""
    models = find_models(tables)
    for table in tables:
        model = models.get(table.name, "")
        column, state = WAITING.get(model, ("", ""))
        if column in {fold(each.name) for each in table.columns}:
            query = f"SELECT count(*) FROM {quote(table.name)} NOT INDEXED WHERE {quote(column)} {state}"  # noqa: S608
            rows = connection.exec_driver_sql(query).scalar()
            if rows:
                yield model, rows


def _search_tables(connection: Connection) -> frozenset[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%fts5%'"
    names = connection.exec_driver_sql(query).scalars().all()
    return frozenset(f"{name}{suffix}" for name in names for suffix in _SHADOWS)


def _read_table(connection: Connection, table: SourceTable) -> SourceTable:
    name = table.name
    found = _table_info(connection, name)
    table = replace(table, next_id=_next_id(connection, name))
    columns = tuple(SourceColumn(column["name"], column["pk"]) for column in found)
    if not has_data(table):
        return replace(table, columns=columns)
    computed = tuple(_find_uncomputable(connection, name, found))
    columns = tuple(column for column in columns if column.name not in dict(computed))
    model = find_models([replace(table, columns=columns)]).get(name)
    known = {*Model.metadata.tables[model].columns.keys()} - OWNERS if model else ()
    looked = (
        column if fold(column.name) in known else replace(column, storage=_storage(connection, name, column.name))
        for column in columns
    )
    # SQLite would count the smallest index, and one may lack rows.
    rows = connection.exec_driver_sql(f"SELECT count(*) FROM {quote(name)} NOT INDEXED").scalar_one()  # noqa: S608
    return replace(table, columns=tuple(looked), rows=rows, computed=computed)


def _table_info(connection: Connection, name: str) -> list[Any]:
    columns = connection.exec_driver_sql(f"PRAGMA table_xinfo({quote(name)})").mappings()
    return [column for column in columns if column["hidden"] != _HIDDEN]


def _find_uncomputable(connection: Connection, table: str, columns: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield the columns that cannot be computed, such as for want of a function, and why."""
    for column in columns:
        if column["hidden"] != _COMPUTED:
            continue
        query = f"SELECT count({quote(column['name'])}) FROM {quote(table)} NOT INDEXED"  # noqa: S608
        try:
            connection.exec_driver_sql(query).scalar()
        except OperationalError as error:
            yield column["name"], str(error.orig)


def _storage(connection: Connection, table: str, column: str) -> frozenset[str]:
    query = f"SELECT DISTINCT typeof({quote(column)}) FROM {quote(table)} NOT INDEXED"  # noqa: S608
    with naming_large(table):
        return frozenset(connection.exec_driver_sql(query).scalars())


def _next_id(connection: Connection, table: str) -> int | None:
    if not connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").scalar():
        return None
    # The column has no type, and SQLite makes an integer of whatever it holds.
    query = "SELECT CAST(seq AS INTEGER) FROM sqlite_sequence WHERE name = ?"
    last = connection.exec_driver_sql(query, (table,)).scalar()
    return None if last is None else int(last) + 1
