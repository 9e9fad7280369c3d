"""Finding the old database, and reading its private copy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError, DBAPIError

from teleclaude.config.files import read_yaml
from teleclaude.config.layers import expand
from teleclaude.db.engine import make_reader
from teleclaude.db.models import Model
from teleclaude.db.models.queues import WAITING
from teleclaude.errors import SourceError
from teleclaude.migration.discover import problems
from teleclaude.migration.discover.configuration import read_variables
from teleclaude.migration.report.events import Finding, warning
from teleclaude.migration.source.files import opened
from teleclaude.migration.source.installation import ConfigFiles, Places, SourceColumn, SourceDatabase, SourceTable
from teleclaude.migration.source.json_member import count_pending
from teleclaude.migration.source.old_schema import OWNERS, find_models, fold, has_data
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.reader import naming_large
from teleclaude.migration.source.snapshot import copy_database
from teleclaude.migration.values.identifiers import quote

_EVENTS_FILE = "events.db"

_MIGRATIONS = "schema_migrations"
"""The table in which the old program recorded the changes of its schema."""

_SHADOWS = ("", "_data", "_idx", "_docsize", "_config")
"""The tables of an FTS5 index (SQLite manual, FTS5, section 9); a table `_content` holds data of its own."""

_INDEX_DAMAGE = re.compile(r"(malformed|unable to validate the) inverted index for FTS\d table ")
"""What SQLite says of a damaged search index since 3.44 (SQLite source, ext/fts5/fts5_main.c)."""

_Candidate = tuple[Path, str]
"""A place where the old database can be, and why."""


def find_database(privsep: Privsep, places: Places, files: ConfigFiles, private: Path) -> SourceDatabase:
    """Return the old database, read from its private copy.

    Raises SourceError where it cannot be read, and where two databases hold rows of any table.
    """
    candidates = _existing(privsep, _candidates(places, files))
    if not candidates:
        raise SourceError(problems.NO_DATABASE.fill(path=places.checkout / "teleclaude.db"))
    found = [_look(privsep, *each, private / f"database-{place}") for place, each in enumerate(candidates)]
    for database in found:
        if "sessions" not in find_models(database.tables).values():
            raise SourceError(problems.NO_SESSIONS.fill(path=database.path))
    with_data = [database for database in found if _rows(database)]
    if len(with_data) > 1:
        listed = ", ".join(f"{database.path} ({_rows(database)} rows)" for database in with_data)
        raise SourceError(problems.SEVERAL_DATABASES.fill(listed=listed))
    return (with_data or found)[0]


def find_events(privsep: Privsep, places: Places, private: Path) -> SourceDatabase | None:
    """Return the database of events, read from its private copy, None where there is none; raises SourceError."""
    path = places.state / _EVENTS_FILE
    return _look(privsep, path, "it lies in the home", private / "events") if path.is_file() else None


def find_odd_events(places: Places) -> tuple[Finding, ...]:
    """Return a warning where the database of events is not a file, so that it can hold no rows."""
    path = places.state / _EVENTS_FILE
    if path.is_file() or not (path.exists() or path.is_symlink()):
        return ()
    return (warning("source", problems.EVENTS_NO_FILE.fill(path=path)),)


def _candidates(places: Places, files: ConfigFiles) -> Iterator[_Candidate]:
    yield places.checkout / "teleclaude.db", "it lies in the checkout"
    variables = read_variables(files, places)
    configured = read_yaml(files.config, called=files.origins[files.config], required=False).get("database")
    path = configured.get("path") if isinstance(configured, dict) else None
    if isinstance(path, str):
        scope = {"WORKING_DIR": str(places.checkout), **variables, "HOME": str(places.home)}
        yield places.checkout / expand(path, scope), "database.path in config.yml names it"
    if variables.get("TELECLAUDE_DB_PATH"):
        yield places.checkout / variables["TELECLAUDE_DB_PATH"], "TELECLAUDE_DB_PATH in .env names it"


def _existing(privsep: Privsep, candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """Return those that exist, each file once."""
    kept: dict[tuple[int, int], _Candidate] = {}
    for path, why in candidates:
        with suppress(FileNotFoundError), opened(privsep, path) as descriptor:
            state = os.fstat(descriptor)
            kept.setdefault((state.st_dev, state.st_ino), (path, why))
    return list(kept.values())


def _rows(database: SourceDatabase) -> int:
    """Return the rows that would be moved, 0 for a database that the old daemon has just made."""
    return sum(table.rows for table in database.tables)


def _look(privsep: Privsep, path: Path, why: str, folder: Path) -> SourceDatabase:
    """Copy a database and read the copy; raises SourceError where it is damaged or cannot be read."""
    copy, files, uid = copy_database(privsep, path, folder)
    engine = make_reader(copy)
    try:
        with engine.connect() as connection:
            damage = _find_damage(connection)
            if damage is not None:
                raise SourceError(problems.DAMAGED.fill(path=path, reason=damage))
            tables = _read_tables(connection)
            migrations, others = _read_migrations(connection, tables), _read_others(connection)
            pending, waiting = _count_pending(connection, tables), tuple(_count_waiting(connection, tables))
    except UnicodeEncodeError:
        raise SourceError(problems.NAME_NOT_UTF8.fill(path=path)) from None
    except DBAPIError as error:
        raise SourceError(problems.DAMAGED.fill(path=path, reason=error.orig)) from None
    finally:
        engine.dispose()
    return SourceDatabase(path, uid, why, copy, files, migrations, tables, others, pending, waiting)


def _read_tables(connection: Connection) -> tuple[SourceTable, ...]:
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").scalars()
    search = _search_tables(connection)
    return tuple(_read_table(connection, name, search_index=name in search) for name in names.all())


def _read_migrations(connection: Connection, tables: tuple[SourceTable, ...]) -> tuple[str, ...]:
    if not any(column.name == "version" for table in tables if table.name == _MIGRATIONS for column in table.columns):
        return ()
    query = "SELECT version FROM schema_migrations WHERE version IS NOT NULL ORDER BY version"
    return tuple(map(str, connection.exec_driver_sql(query).scalars()))


def _find_damage(connection: Connection) -> str | None:
    """Return what SQLite finds damaged. A search index is left out: PostgreSQL makes its own, and no row is lost."""
    try:
        said = connection.exec_driver_sql("PRAGMA quick_check").scalars().all()
    except DatabaseError as error:
        if "vtable constructor failed" not in str(error.orig):
            raise
        # An index that cannot even be opened ends the check; each other table is checked by its name (since 3.33).
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0")
        checks = [f"PRAGMA quick_check({quote(name)})" for name in names.scalars()]
        said = [line for check in checks for line in connection.exec_driver_sql(check).scalars()]
    return next((line for line in said if line != "ok" and not _INDEX_DAMAGE.match(line)), None)


def _read_others(connection: Connection) -> tuple[tuple[str, str], ...]:
    query = "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger') ORDER BY type, name"
    return tuple((str(kind), str(name)) for kind, name in connection.exec_driver_sql(query))


def _count_pending(connection: Connection, tables: tuple[SourceTable, ...]) -> int:
    """Return how many messages `ux_state` of the sessions lists for deletion."""
    models = find_models(tables)
    sessions = next((table for table in tables if models.get(table.name) == "sessions"), None)
    if sessions is None or "ux_state" not in [fold(column.name) for column in sessions.columns]:
        return 0
    query = f"SELECT CAST(ux_state AS BLOB) FROM {quote(sessions.name)}"  # noqa: S608
    return sum(map(count_pending, connection.exec_driver_sql(query).scalars()))


def _count_waiting(connection: Connection, tables: tuple[SourceTable, ...]) -> Iterator[tuple[str, int]]:
    """Yield the queues with rows that a daemon would still send, and how many."""
    models = find_models(tables)
    for table in tables:
        model = models.get(table.name, "")
        column, state = WAITING.get(model, ("", ""))
        if column in {fold(each.name) for each in table.columns}:
            query = f"SELECT count(*) FROM {quote(table.name)} WHERE {quote(column)} {state}"  # noqa: S608
            rows = connection.exec_driver_sql(query).scalar()
            if rows:
                yield model, rows


def _search_tables(connection: Connection) -> frozenset[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%fts5%'"
    names = connection.exec_driver_sql(query).scalars().all()
    return frozenset(f"{name}{suffix}" for name in names for suffix in _SHADOWS)


def _read_table(connection: Connection, name: str, *, search_index: bool) -> SourceTable:
    columns = tuple(SourceColumn(column["name"], column["pk"]) for column in _table_info(connection, name))
    table = SourceTable(name, columns, 0, _next_id(connection, name), search_index)
    if not has_data(table):
        return table
    model = find_models([table]).get(name)
    known = {*Model.metadata.tables[model].columns.keys()} - OWNERS if model else ()
    looked = (
        column if fold(column.name) in known else replace(column, storage=_storage(connection, name, column.name))
        for column in columns
    )
    rows = connection.exec_driver_sql(f"SELECT count(*) FROM {quote(name)}").scalar_one()  # noqa: S608
    return replace(table, columns=tuple(looked), rows=rows)


def _table_info(connection: Connection, name: str) -> list[Any]:
    try:
        columns = connection.exec_driver_sql(f"PRAGMA table_xinfo({quote(name)})").mappings()
        # Generated columns hold values, too; 1 marks the hidden columns of a virtual table.
        return [column for column in columns if column["hidden"] != 1]
    except DBAPIError:
        # This SQLite lacks the module of a virtual table, or its index is damaged; its data is in other tables.
        return []


def _storage(connection: Connection, table: str, column: str) -> frozenset[str]:
    query = f"SELECT DISTINCT typeof({quote(column)}) FROM {quote(table)}"  # noqa: S608
    with naming_large(table):
        return frozenset(connection.exec_driver_sql(query).scalars())


def _next_id(connection: Connection, table: str) -> int | None:
    if not connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").scalar():
        return None
    # The column has no type, and SQLite makes an integer of whatever it holds.
    query = "SELECT CAST(seq AS INTEGER) FROM sqlite_sequence WHERE name = ?"
    last = connection.exec_driver_sql(query, (table,)).scalar()
    return None if last is None else int(last) + 1
