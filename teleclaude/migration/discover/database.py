"""Finding the old database, and reading what is in its private copy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
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
from teleclaude.migration.discover.installation import read_variables
from teleclaude.migration.report.events import Finding, warning
from teleclaude.migration.source.files import opened
from teleclaude.migration.source.inventory import ConfigFiles, Places, SourceColumn, SourceDatabase, SourceTable
from teleclaude.migration.source.json_member import count_pending
from teleclaude.migration.source.old_schema import find_models, fold, has_data
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.snapshot import copy_database
from teleclaude.migration.values.identifiers import quote

EVENTS_FILE = "events.db"

MIGRATIONS = "schema_migrations"
"""Where the old program recorded the changes of its schema."""


@dataclass(frozen=True)
class Candidate:
    """A place where the old database can be, and who says so."""

    path: Path
    why: str


def find_database(privsep: Privsep, places: Places, files: ConfigFiles | None, private: Path) -> SourceDatabase:
    """Return the old database, looked at in its private copy.

    Where two places hold rows, of whatever table, neither is guessed. Raises SourceError.
    """
    candidates = _existing(privsep, list(_candidates(places, files)))
    if not candidates:
        raise SourceError(
            f"no database was found; looked for {places.checkout / 'teleclaude.db'}",
            "name the checkout with --source DIR",
        )
    found = [_look(privsep, candidate, private / f"database-{place}") for place, candidate in enumerate(candidates)]
    for database in found:
        _check_sessions(database)
    with_data = [database for database in found if _rows(database)]
    if len(with_data) > 1:
        listed = ", ".join(f"{database.path} ({_rows(database)} rows)" for database in with_data)
        raise SourceError(f"two databases hold data: {listed}", "move away the one that is not in use")
    return (with_data or found)[0]


def find_events(privsep: Privsep, places: Places, private: Path) -> SourceDatabase | None:
    """Return the database of events, looked at in its private copy, None where there is none; raises SourceError."""
    path = places.state / EVENTS_FILE
    candidates = _existing(privsep, [Candidate(path, "it lies in the home")]) if path.is_file() else []
    return _look(privsep, candidates[0], private / "events") if candidates else None


def find_odd_events(places: Places) -> tuple[Finding, ...]:
    """Return a warning where something that can hold no rows has the name of the database of events."""
    path = places.state / EVENTS_FILE
    if path.is_file() or not (path.exists() or path.is_symlink()):
        return ()
    return (warning("source", f"{path} is no file, so no events are carried", "see what it is and where they are"),)


def _check_sessions(database: SourceDatabase) -> None:
    if "sessions" not in find_models(database.tables).values():
        raise SourceError(
            f"{database.path} is not TeleClaude's: it has no table of sessions", "name the right --source DIR"
        )


def _candidates(places: Places, files: ConfigFiles | None) -> Iterator[Candidate]:
    yield Candidate(places.checkout / "teleclaude.db", "it lies in the checkout")
    if files is not None:
        variables = read_variables(files, places)
        configured = read_yaml(files.config, called=files.origins[files.config], required=False).get("database")
        path = configured.get("path") if isinstance(configured, dict) else None
        if isinstance(path, str):
            scope = {"WORKING_DIR": str(places.checkout), **variables, "HOME": str(places.home)}
            yield Candidate(places.checkout / expand(path, scope), "database.path in config.yml names it")
        if variables.get("TELECLAUDE_DB_PATH"):
            yield Candidate(places.checkout / variables["TELECLAUDE_DB_PATH"], "TELECLAUDE_DB_PATH in .env names it")


def _existing(privsep: Privsep, candidates: list[Candidate]) -> list[Candidate]:
    """Return those that are there, each file once."""
    kept: dict[tuple[int, int], Candidate] = {}
    for candidate in candidates:
        with suppress(FileNotFoundError), opened(privsep, candidate.path) as descriptor:
            state = os.fstat(descriptor)
            kept.setdefault((state.st_dev, state.st_ino), candidate)
    return list(kept.values())


def _rows(database: SourceDatabase) -> int:
    """Count what would be carried; a new file that the old daemon has just made holds no row of it."""
    return sum(table.rows for table in database.tables)


def _look(privsep: Privsep, candidate: Candidate, folder: Path) -> SourceDatabase:
    copy, files, uid = copy_database(privsep, candidate.path, folder)
    engine = make_reader(copy)
    try:
        with engine.connect() as connection:
            tables, migrations = _read_tables(candidate.path, connection)
            others, pending = _read_others(connection), _count_pending(connection, tables)
            waiting = tuple(_count_waiting(connection, tables))
    except UnicodeEncodeError:
        raise SourceError(
            f"a table or column of {candidate.path} has a name that is no UTF-8", "rename it with the sqlite3 shell"
        ) from None
    except DBAPIError as error:
        raise SourceError(
            f"{candidate.path} cannot be read as a database: {error.orig}", "restore it from a backup"
        ) from None
    finally:
        engine.dispose()
    return SourceDatabase(candidate.path, uid, candidate.why, copy, files, migrations, tables, others, pending, waiting)


def _read_tables(path: Path, connection: Connection) -> tuple[tuple[SourceTable, ...], tuple[str, ...]]:
    try:
        damage = _find_damage(connection)
    except DatabaseError as error:
        damage = str(error.orig)
    if damage is not None:
        raise SourceError(f"{path} is damaged or no SQLite database: {damage}", "restore it from a backup")
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid").scalars()
    search = _search_tables(connection)
    tables = tuple(_read_table(connection, name, search_index=name in search) for name in names.all())
    recorded: list[str] = []
    if any(column.name == "version" for table in tables if table.name == MIGRATIONS for column in table.columns):
        query = "SELECT version FROM schema_migrations WHERE version IS NOT NULL ORDER BY version"
        recorded = [str(name) for name in connection.exec_driver_sql(query).scalars()]
    return tables, tuple(recorded)


INDEX_DAMAGE = re.compile(r"(malformed|unable to validate the) inverted index for FTS\d table ")
"""What SQLite says of a damaged search index since 3.44 (SQLite source, ext/fts5/fts5_main.c)."""


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
    return next((line for line in said if line != "ok" and not INDEX_DAMAGE.match(line)), None)


SHADOWS = ("", "_data", "_idx", "_docsize", "_config")
"""What FTS5 keeps beside a virtual table (SQLite manual, FTS5, section 9); `_content` would be data of its own."""


def _read_others(connection: Connection) -> tuple[tuple[str, str], ...]:
    query = "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger') ORDER BY type, name"
    return tuple((str(kind), str(name)) for kind, name in connection.exec_driver_sql(query))


def _count_pending(connection: Connection, tables: tuple[SourceTable, ...]) -> int:
    """Count the messages that the state of the interface says are to be deleted."""
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
        model = models.get(table.name)
        if model not in WAITING:
            continue
        column, state = WAITING[model]
        if column in {fold(each.name) for each in table.columns}:
            query = f"SELECT count(*) FROM {quote(table.name)} WHERE {quote(column)} {state}"  # noqa: S608
            rows = connection.exec_driver_sql(query).scalar()
            if rows:
                yield model, rows


def _search_tables(connection: Connection) -> frozenset[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%fts5%'"
    names = connection.exec_driver_sql(query).scalars().all()
    return frozenset(f"{name}{suffix}" for name in names for suffix in SHADOWS)


def _read_table(connection: Connection, name: str, *, search_index: bool) -> SourceTable:
    columns = tuple(SourceColumn(column["name"], column["pk"]) for column in _table_info(connection, name))
    table = SourceTable(name, columns, 0, _next_id(connection, name), search_index)
    if not has_data(table):
        return table
    model = find_models([table]).get(name)
    known = frozenset(Model.metadata.tables[model].columns.keys()) if model else frozenset()
    looked = (
        column if fold(column.name) in known else replace(column, storage=_storage(connection, name, column.name))
        for column in columns
    )
    rows = connection.exec_driver_sql(f"SELECT count(*) FROM {quote(name)}").scalar()  # noqa: S608
    return replace(table, columns=tuple(looked), rows=rows or 0)


def _table_info(connection: Connection, name: str) -> list[Any]:
    try:
        columns = connection.exec_driver_sql(f"PRAGMA table_xinfo({quote(name)})").mappings()
        # Generated columns are values, too; 1 marks those that a virtual table hides.
        return [column for column in columns if column["hidden"] != 1]
    except DBAPIError:
        # A virtual table whose module this SQLite lacks or whose index is damaged; it holds no data of its own.
        return []


def _storage(connection: Connection, table: str, column: str) -> frozenset[str]:
    query = f"SELECT DISTINCT typeof({quote(column)}) FROM {quote(table)}"  # noqa: S608
    return frozenset(connection.exec_driver_sql(query).scalars())


def _next_id(connection: Connection, table: str) -> int | None:
    has_sequence = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").scalar()
    if not has_sequence:
        return None
    last = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).scalar()
    return last + 1 if isinstance(last, int) else None
