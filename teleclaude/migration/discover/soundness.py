"""Whether the copy of an old database is sound, and what of it this SQLite does not know: neither is the other."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from teleclaude.db.engine import make_reader
from teleclaude.errors import SourceError
from teleclaude.migration.discover import problems
from teleclaude.migration.values.identifiers import quote

_STRUCTURE = "*** in database"
"""How complaints of a check about pages begin. Others are about values, indexes or virtual tables, which can be read
(SQLite source, pragma.c)."""

_ROOT = re.compile(r"Tree (\d+) ")
"""The first page of the table or index that a complaint is about, since SQLite 3.42."""

_UNKNOWN_COLLATION = re.compile(r"no such collation sequence: (.+)")
_UNKNOWN_FUNCTION = re.compile(r"(?:no such|unknown) function: (.+?)(?:\(\))?")

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR})

_NO_FEATURE = re.compile(r"malformed database schema \(\?|.* - (invalid rootpage|orphan index|.* already exists)")
"""Faults of a schema that are damage, and nothing that a newer SQLite would read."""


class Checker:
    """Asks SQLite about a copy, on a connection of its own that stands in for what this SQLite does not know.

    A stand-in computes nothing, so no value may be read here.
    """

    def __init__(self, copy: Path) -> None:
        self._engine = make_reader(copy)
        self._connection = self._engine.raw_connection()
        database = self._connection.driver_connection
        assert isinstance(database, sqlite3.Connection)
        self._database = database
        # Rows may break a CHECK; they are moved all the same.
        database.execute("PRAGMA ignore_check_constraints = ON")
        self._functions: set[str] = set()
        self.collations: set[str] = set()
        """Unknown orders of text that the checks met."""

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
        self._engine.dispose()

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Return the rows of a query; raises sqlite3.DatabaseError."""
        while True:
            try:
                return self._database.execute(query).fetchall()
            except sqlite3.OperationalError as error:
                if not self._stand_in(str(error)):
                    raise

    def _stand_in(self, said: str) -> bool:
        """Register what SQLite said it does not know; False where it said something else, or says it again."""
        if (found := _UNKNOWN_COLLATION.fullmatch(said)) and found[1] not in self.collations:
            self.collations.add(found[1])
            self._database.create_collation(found[1], lambda _one, _other: 0)
            return True
        if (found := _UNKNOWN_FUNCTION.fullmatch(said)) and found[1] not in self._functions:
            self._functions.add(found[1])
            self._database.create_function(found[1], -1, lambda *_: None, deterministic=True)
            return True
        return False

    def complaints(self, query: str) -> list[str]:
        """Return what a check says of pages, line by line; raises sqlite3.DatabaseError where it cannot be made."""
        try:
            said = [str(row[0]) for row in self.ask(query)]
        except sqlite3.DatabaseError as error:
            # Before 3.47, SQLite gives the error of the virtual table that it cannot open, which may be damage.
            if not is_damage(error) or "vtable constructor failed" in str(error):
                raise
            return [str(error)]
        return [line for text in said if text.startswith(_STRUCTURE) for line in text.splitlines()[1:]]

    def find_broken_indexes(self, table: str, rows: int) -> tuple[str, ...]:
        """Return the indexes of a table that do not hold each of its rows; those over some rows are left out."""
        listed = self.ask(f"PRAGMA index_list({quote(table)})")
        return tuple(str(name) for _, name, _, _, partial in listed if not partial and self._lacks(table, name, rows))

    def _lacks(self, table: str, index: object, rows: int) -> bool:
        try:
            # count(*) would choose the smallest index.
            query = f"SELECT total(1) FROM {quote(table)} INDEXED BY {quote(str(index))}"  # noqa: S608
            return self.ask(query) != [(rows,)]
        except sqlite3.DatabaseError as error:
            return is_damage(error)

    def has_unknown_order(self, table: str) -> bool:
        """Whether an index of a table sorts by an unknown order."""
        names = [name for _, name, *_ in self.ask(f"PRAGMA index_list({quote(table)})")]
        columns = (row for name in names for row in self.ask(f"PRAGMA index_xinfo({quote(str(name))})"))
        return any(row[4] in self.collations for row in columns)


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that a file is damaged, and not that it does not know something."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def find_damage(checker: Checker, is_left: Callable[[str], bool], *, understood: bool) -> str | None:
    """Return what is damaged in a database, None where every table that is moved can be read.

    The pages of a table that is left, and those of an index alone, hold no row that would be lost. Where the schema is
    not `understood`, SQLite would say of the pages of what it passed over that nothing uses them.
    """
    whole = _check_whole(checker) if understood else None
    if whole == []:
        return None
    roots = checker.ask("SELECT type, tbl_name, rootpage FROM sqlite_master WHERE rootpage > 0")
    indexes = {root for kind, _, root in roots if kind == "index"}
    names = [str(name) for kind, name, _ in roots if kind == "table"]
    by_table = {name: _complaints_of(checker, name) for name in ("sqlite_master", *names)}
    kept = [line for name, lines in by_table.items() if not is_left(name) for line in lines]
    worst = next((line for line in kept if not _is_about(indexes, line)), None)
    explained = whole is None or any(by_table.values())
    return worst if worst is not None or explained or whole is None else whole[0]


def _check_whole(checker: Checker) -> list[str] | None:
    """Return the complaints about a database, None where a virtual table that cannot be opened ends the check."""
    try:
        return checker.complaints("PRAGMA quick_check")
    except sqlite3.DatabaseError:
        return None


def _complaints_of(checker: Checker, table: str) -> list[str]:
    # A table is checked by its name since SQLite 3.33.
    with suppress(sqlite3.DatabaseError):
        return checker.complaints(f"PRAGMA quick_check({quote(table)})")
    return []


def _is_about(indexes: Collection[object], line: str) -> bool:
    found = _ROOT.match(line)
    return found is not None and int(found[1]) in indexes


def is_understood(connection: Connection, path: Path) -> bool:
    """Whether SQLite understands the whole schema, else at least every table that is not virtual.

    Raises SourceError where it does not understand a table, or the schema is damaged.
    """
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
    try:
        connection.exec_driver_sql("SELECT 1 FROM sqlite_master").close()
    except DatabaseError as error:
        connection.exec_driver_sql("PRAGMA writable_schema = ON")
        _explain(connection, path, str(error.orig))
        return False
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    return True


def _explain(connection: Connection, path: Path, said: str) -> None:
    """Raise SourceError for a schema with a fault, unless all tables can be read all the same."""
    tables = list(_tables(connection))
    version = sqlite3.sqlite_version
    for name, sql in tables:
        if reason := _why_unknown(sql):
            raise SourceError(problems.TABLE_UNKNOWN.fill(version=version, table=name, path=path, reason=reason))
    missing = any(not connection.exec_driver_sql(f"PRAGMA table_xinfo({quote(name)})").all() for name, _ in tables)
    if missing or not tables or _NO_FEATURE.match(said):
        raise SourceError(problems.DAMAGED.fill(path=path, reason=said))


def _tables(connection: Connection) -> Iterator[tuple[str, str]]:
    query = r"SELECT name, sql FROM sqlite_master WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\_%'"
    for name, sql in connection.exec_driver_sql(query + r" ESCAPE '\'"):
        yield str(name), str(sql)


def _why_unknown(sql: str) -> str:
    """Return why SQLite does not make a table by this SQL, the empty string where it does or only lacks a function."""
    with closing(sqlite3.connect(":memory:")) as scratch:
        try:
            scratch.execute(sql)
        except sqlite3.Error as error:
            return "" if _UNKNOWN_FUNCTION.fullmatch(str(error)) else str(error)
    return ""
