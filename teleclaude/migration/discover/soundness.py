"""Whether the copy of an old database is sound, and what of it this SQLite does not know: neither is the other."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from teleclaude.db.engine import make_reader
from teleclaude.errors import SourceError
from teleclaude.migration.discover import problems
from teleclaude.migration.source.files import copy_file
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.values.identifiers import quote

_STRUCTURE = "*** in database"
"""How complaints of a check about pages begin. Others are about values, indexes or virtual tables, which can be read
(SQLite source, pragma.c)."""

_OF_FREE_PAGES = re.compile("(?:Main f|F)reelist: ")
"""How complaints about the list of pages begin that no table uses."""

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
        self._copy = copy
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
        self.damaged_indexes: set[str] = set()
        """Indexes with damaged pages of their own."""

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
        lines = [line for text in said if text.startswith(_STRUCTURE) for line in text.splitlines()[1:]]
        return [line for line in lines if not _OF_FREE_PAGES.match(line)]

    @contextmanager
    def with_empty(self, indexes: Collection[int]) -> Iterator[Checker]:
        """Check a second copy, whose indexes with these roots are empty; raises SourceError where there is no room."""
        with TemporaryDirectory(dir=self._copy.parent) as folder:
            second = Path(folder) / self._copy.name
            for suffix in ("", "-wal"):
                with suppress(FileNotFoundError):
                    copy_file(Privsep(), Path(f"{self._copy}{suffix}"), Path(f"{second}{suffix}"), None)
            with closing(sqlite3.connect(second)) as database:
                # What is in the WAL comes into the file.
                database.execute("PRAGMA journal_mode = DELETE")
            _empty(second, indexes)
            with closing(Checker(second)) as checker:
                yield checker

    def find_broken_indexes(self, table: str, rows: int) -> tuple[str, ...]:
        """Return the indexes of a table that do not hold each of its rows; those over some rows are left out."""
        listed = ((str(name), partial) for _, name, _, _, partial in self.ask(f"PRAGMA index_list({quote(table)})"))
        return tuple(
            name
            for name, partial in listed
            if name in self.damaged_indexes or (not partial and self._lacks(table, name, rows))
        )

    def _lacks(self, table: str, index: str, rows: int) -> bool:
        try:
            # count(*) would choose the smallest index.
            query = f"SELECT total(1) FROM {quote(table)} INDEXED BY {quote(index)}"  # noqa: S608
            return self.ask(query) != [(rows,)]
        except sqlite3.DatabaseError as error:
            return is_damage(error)

    def has_unknown_order(self, table: str) -> bool:
        """Whether an index of a table sorts by an unknown order."""
        names = [name for _, name, *_ in self.ask(f"PRAGMA index_list({quote(table)})")]
        columns = (row for name in names for row in self.ask(f"PRAGMA index_xinfo({quote(str(name))})"))
        return any(row[4] in self.collations for row in columns)


def _empty(path: Path, indexes: Collection[int]) -> None:
    """Make the first pages of indexes leaves without a cell (SQLite manual, "Database File Format", 1.3 and 1.6)."""
    with path.open("r+b") as file:
        header = file.read(100)
        # The size is a power of two; 1 stands for 65536, and as the place of a cell 0 does.
        size = int.from_bytes(header[16:18], "big")
        size = 65536 if size == 1 else size
        usable = (size - header[20]) % 65536
        for root in indexes:
            file.seek((root - 1) * size)
            file.write(b"\x0a\0\0\0\0" + usable.to_bytes(2, "big") + b"\0")


def is_damage(error: BaseException) -> bool:
    """Whether SQLite says that a file is damaged, and not that it does not know something."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def find_damage(checker: Checker, is_left: Callable[[str], bool], *, understood: bool) -> str | None:
    """Return what is damaged in a database, None where every table that is moved can be read.

    The pages of a table that is left, those of an index alone, and free pages hold no row that would be lost. Where the
    schema is not `understood`, SQLite would say of the pages of what it passed over that nothing uses them.
    """
    whole = _check_whole(checker) if understood else None
    if whole == []:
        return None
    roots = checker.ask("SELECT type, name, tbl_name, rootpage FROM sqlite_master WHERE rootpage > 0")
    names = ("sqlite_master", *(str(name) for kind, name, _, _ in roots if kind == "table"))
    by_table = {name: _complaints_of(checker, name) for name in names}
    kept = [name for name, lines in by_table.items() if lines and not is_left(name)]
    if kept:
        return _blame_indexes(checker, kept, {int(str(root)): row for kind, *row, root in roots if kind == "index"})
    return None if whole is None or any(by_table.values()) else whole[0]


def _blame_indexes(checker: Checker, tables: list[str], indexes: Mapping[int, Sequence[object]]) -> str | None:
    """Keep which indexes are damaged, each by its root with its name and table, where the tables themselves are sound.

    Returns what is damaged of the tables. SQLite names the root of a damaged page since 3.42, and before it nothing.
    """
    with checker.with_empty(indexes) as bare:
        worst = [line for table in tables for line in _complaints_of(bare, table)]
    if worst:
        return worst[0]
    for root, (name, table) in indexes.items():
        if table in tables:
            with checker.with_empty(indexes.keys() - {root}) as alone:
                checker.damaged_indexes |= {str(name)} if _complaints_of(alone, str(table)) else set()
    return None


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
