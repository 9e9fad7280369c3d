"""Keys that PostgreSQL cannot hold: NULL, one that another row has after conversion, one too long for an index."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection

from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.values.column_types import LONGEST_KEY_BYTES
from teleclaude.migration.values.identifiers import quote

_Key = tuple[Any, ...]


class KeyCheck:
    """Finds the rows of a table whose key cannot be held, batch by batch. Its memory does not grow with the table."""

    def __init__(self, reader: Connection, table: TablePlan) -> None:
        self._reader = reader
        self._source = quote(table.source)
        self._places = [[column.name for column in table.columns].index(name) for name in table.key]
        self._reads = [table.columns[place].read for place in self._places]
        self._taken = _KeySet()
        """Keys of rows that are kept, where another row could have the same."""
        self._original = None if table.unique_key else _KeySet()
        """Every key of a table in which SQLite let keys repeat, since no index finds one there; None elsewhere."""
        self._repeats = self._original is not None and self._read_keys(self._original)

    def close(self) -> None:
        """Remove what is on the disk."""
        for keys in (self._taken, self._original):
            if keys is not None:
                keys.close()

    def reject_rows(self, columns: Sequence[Sequence[Any]], changed: set[int]) -> dict[int, str]:
        """Return the rows of a batch whose key cannot be held, and the reason of each.

        `columns` are the values as they would be stored, `changed` the rows in whose key a rule changed a value.
        """
        keys = [columns[place] for place in self._places]
        if not changed and not self._repeats and all(_is_short(key, LONGEST_KEY_BYTES // len(keys)) for key in keys):
            return {}
        reasons = {row: self._reject(key, row in changed) for row, key in enumerate(zip(*keys, strict=True))}
        return {row: reason for row, reason in reasons.items() if reason is not None}

    def _reject(self, key: _Key, changed: bool) -> str | None:
        if None in key:
            return "the key is NULL"
        if sum(map(_bytes_of, key)) > LONGEST_KEY_BYTES:
            return "the key is too long for an index"
        if changed and (self._is_original(key) or not self._taken.add(key)):
            return "the key is another row's after conversion"
        if not changed and self._repeats and not self._taken.add(key):
            return "the key is another row's as well"
        return None

    def _read_keys(self, keys: _KeySet) -> bool:
        """Add the key of every row, and return whether any repeats."""
        query = f"SELECT {', '.join(self._reads)} FROM {self._source} NOT INDEXED"  # noqa: S608
        return sum(not keys.add(tuple(row)) for row in self._reader.exec_driver_sql(query)) > 0

    def _is_original(self, key: _Key) -> bool:
        """Whether a row of the old table has this key without a conversion."""
        if self._original is not None:
            return key in self._original
        # Without the type, SQLite would find a number equal to its text.
        where = " AND ".join(f"{read} = ? AND typeof({read}) = typeof(?)" for read in self._reads)
        query = f"SELECT 1 FROM {self._source} WHERE {where} LIMIT 1"  # noqa: S608
        return self._reader.exec_driver_sql(query, tuple(part for part in key for _ in range(2))).first() is not None


class _KeySet:
    """A set of keys in a temporary database, which SQLite keeps in memory up to 2 MB and in a file beyond.

    A key may be a secret, so the database holds its digest alone, with a salt that is written nowhere. The file has no
    name: SQLite removes it as soon as it has made the file.
    """

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)
        self._database = sqlite3.connect("", isolation_level=None)
        # Nobody reads it after a crash, and one transaction is quicker than many.
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE keys (digest BLOB PRIMARY KEY) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Remove the database."""
        self._database.close()

    def add(self, key: _Key) -> bool:
        """Add a key, and return whether it is new."""
        return self._database.execute("INSERT OR IGNORE INTO keys VALUES (?)", (self._digest(key),)).rowcount > 0

    def __contains__(self, key: _Key) -> bool:
        found = self._database.execute("SELECT 1 FROM keys WHERE digest = ?", (self._digest(key),))
        return found.fetchone() is not None

    def _digest(self, key: _Key) -> bytes:
        # 1 equals 1.0, their texts do not.
        return blake2b(repr(key).encode(), digest_size=16, key=self._salt).digest()


def _is_short(column: Sequence[Any], most: int) -> bool:
    """Whether no value of a column is NULL or can have more than `most` bytes; a character takes up to four."""
    kinds = set(map(type, column))
    if kinds <= {int, float}:
        return True
    return kinds in ({str}, {bytes}) and max(map(len, column)) * 4 <= most


def _bytes_of(part: Any) -> int:
    return len(part.encode() if isinstance(part, str) else part) if isinstance(part, str | bytes) else 0
