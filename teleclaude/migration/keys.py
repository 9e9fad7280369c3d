"""Keys that PostgreSQL cannot hold: NULL, one that another row has after conversion, one too long for an index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from teleclaude.migration.columns import LONGEST_KEY_BYTES
from teleclaude.migration.shapes import quote
from teleclaude.migration.tables import TablePlan


class KeyKeeper:
    """Says of each row of a table, in order, whether its key can be held."""

    def __init__(self, reader: Connection, table: TablePlan) -> None:
        self.reader = reader
        self.table = table
        self.places = [[column.name for column in table.columns].index(name) for name in table.key]
        self.changed: set[tuple[Any, ...]] = set()
        self.shared = frozenset() if table.unique_key else self._find_shared()
        self.held: set[tuple[Any, ...]] = set()

    def refuse_rows(self, columns: Sequence[Sequence[Any]], changed: set[int]) -> dict[int, str]:
        """Return, of the rows of a batch as they would be stored, those whose key cannot be held, and why.

        `changed` are those in whose key a rule changed a value.
        """
        keys = [columns[place] for place in self.places]
        if not changed and not self.shared and all(_is_short(key, LONGEST_KEY_BYTES // len(keys)) for key in keys):
            return {}
        reasons = {row: self._refuse(key, row in changed) for row, key in enumerate(zip(*keys, strict=True))}
        return {row: reason for row, reason in reasons.items() if reason is not None}

    def _refuse(self, key: tuple[Any, ...], changed: bool) -> str | None:
        if None in key:
            return "the key is NULL"
        if sum(map(_bytes_of, key)) > LONGEST_KEY_BYTES:
            return "the key is too long for an index"
        if changed and (key in self.changed or self._stands(key)):
            return "the key is another row's after conversion"
        if key in self.held:
            return "the key is another row's as well"
        if changed:
            self.changed.add(key)
        if key in self.shared:
            self.held.add(key)
        return None

    def _find_shared(self) -> frozenset[tuple[Any, ...]]:
        """Return the keys that several rows have, in a table whose key SQLite did not guard."""
        key = ", ".join(self.table.columns[place].read for place in self.places)
        query = f"SELECT {key} FROM {quote(self.table.source)} GROUP BY {key} HAVING count(*) > 1"  # noqa: S608
        return frozenset(tuple(row) for row in self.reader.exec_driver_sql(query))

    def _stands(self, key: tuple[Any, ...]) -> bool:
        """Whether a row of the old table has this very key, so that it needs no conversion."""
        reads = [self.table.columns[place].read for place in self.places]
        # Without the type, SQLite would take a number for the text that it converts to.
        where = " AND ".join(f"{read} = ? AND typeof({read}) = typeof(?)" for read in reads)
        query = f"SELECT 1 FROM {quote(self.table.source)} WHERE {where} LIMIT 1"  # noqa: S608
        return self.reader.exec_driver_sql(query, tuple(part for part in key for _ in range(2))).first() is not None


def _is_short(column: Sequence[Any], most: int) -> bool:
    """Whether no value of a column is NULL, and none can have more than `most` bytes; a character takes up to four."""
    kinds = set(map(type, column))
    if kinds <= {int, float}:
        return True
    return kinds in ({str}, {bytes}) and max(map(len, column)) * 4 <= most


def _bytes_of(part: Any) -> int:
    return len(part.encode() if isinstance(part, str) else part) if isinstance(part, str | bytes) else 0
