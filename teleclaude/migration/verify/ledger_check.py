"""The ledger check: PostgreSQL holds what a value means, or what the ledger says, and nothing else.

Only the columns and rows that the daemon writes may be others, once it is allowed to write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from teleclaude.daemon.writes import NOTHING, Writes
from teleclaude.migration.plan.tables import ColumnPlan, TablePlan
from teleclaude.migration.state.ledger import Entry, LedgerIndex, name_row
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.verify.decode import UndecodableError, decode, decode_json, is_deep, repeats_key, same

_IsSameJson = Callable[[str, str], Awaitable[bool]]
"""Asks PostgreSQL whether two texts mean the same as jsonb."""


@dataclass(frozen=True)
class LedgerCheck:
    """What PostgreSQL may hold for the values of a table."""

    table: TablePlan
    ledger: LedgerIndex
    writes: Writes = NOTHING
    """What the daemon may have written to the table since it was migrated."""

    def stored_value(self, row: Sequence[Any], place: int) -> Any:
        """Return what PostgreSQL must hold for a value of a row: what it means, else what its ledger line says.

        Raises UndecodableError where there is neither.
        """
        try:
            return decode(self.table.columns[place], row[place])
        except UndecodableError:
            for entry in self._find(row, place):
                return entry.stored
            raise

    async def allows(self, row: Sequence[Any], place: int, found: Any, is_same_json: _IsSameJson) -> bool:
        """Whether PostgreSQL may hold `found` for a value of a row: what it means, or what its ledger line says."""
        column, raw = self.table.columns[place], row[place]
        if column.type is ColumnType.DOCUMENT and (is_deep(raw) or is_deep(found)):
            return await self._allows_deep(row, place, found, is_same_json)
        with suppress(UndecodableError):
            stored = _canonical(column, found)
            with suppress(UndecodableError):
                if same(_marked(column, raw, decode(column, raw)), stored):
                    return True
            return any(_means(column, entry.stored, stored) for entry in self._find(row, place))
        return False

    async def _allows_deep(self, row: Sequence[Any], place: int, found: Any, is_same_json: _IsSameJson) -> bool:
        """Do the same for JSON that is too deep to be read here; PostgreSQL reads both sides."""
        raw = row[place]
        if isinstance(found, str) and isinstance(raw, str) and not repeats_key(raw) and await is_same_json(found, raw):
            return True
        texts = [entry.stored for entry in self._find(row, place) if isinstance(entry.stored, str)]
        return isinstance(found, str) and any([await is_same_json(found, text) for text in texts])

    def _find(self, row: Sequence[Any], place: int) -> Iterator[Entry]:
        key = name_row(self.table.key_of(row), row)
        return self.ledger.find(self.table.label, key, self.table.columns[place].name, row[place])


def _means(column: ColumnPlan, value: Any, stored: Any) -> bool:
    """Whether what a ledger line says is stored means the same as what is stored."""
    with suppress(UndecodableError):
        return same(_canonical(column, value), stored)
    return False


def _canonical(column: ColumnPlan, value: Any) -> Any:
    if column.type is ColumnType.DOCUMENT and value is not None:
        return _marked(column, value, decode_json(value, keep_last=True))
    return value


def _marked(column: ColumnPlan, value: Any, meaning: Any) -> Any:
    """Return what a value means, and of JSON that there is some: its null is not NULL."""
    return [meaning] if column.type is ColumnType.DOCUMENT and value is not None else meaning
