"""What the ledger excuses: that PostgreSQL holds a certain value in the place of another one, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from teleclaude.migration.columns import ColumnType
from teleclaude.migration.decode import UndecodableError, decode, decode_json, same
from teleclaude.migration.ledger import Entry, LedgerIndex
from teleclaude.migration.tables import ColumnPlan, TablePlan


@dataclass(frozen=True)
class Excuses:
    """The ledger lines of a table, by key, column and original value."""

    table: TablePlan
    entries: Mapping[tuple[str, str, str], Sequence[Entry]]

    def stored_value(self, row: Sequence[Any], place: int) -> Any:
        """Return what PostgreSQL must hold for a value of a row: what it means, else what its ledger line says."""
        try:
            return decode(self.table.columns[place], row[place])
        except UndecodableError:
            return next((entry.stored for entry in self._find(row, place)), None)

    def allow(self, row: Sequence[Any], place: int, found: Any) -> bool:
        """Whether PostgreSQL may hold `found` for a value of a row: what it means, or what its ledger line says."""
        column = self.table.columns[place]
        stored = _canonical(column, found)
        try:
            if same(decode(column, row[place]), stored):
                return True
        except UndecodableError:
            pass
        return any(same(_canonical(column, entry.stored), stored) for entry in self._find(row, place))

    def _find(self, row: Sequence[Any], place: int) -> list[Entry]:
        raw = row[place]
        lines = self.entries.get((repr(self.table.key_of(row)), self.table.columns[place].name, repr(raw)), ())
        return [entry for entry in lines if type(entry.original) is type(raw) and entry.original == raw]


def read_excuses(ledger: LedgerIndex, table: TablePlan) -> Excuses:
    """Return what the ledger excuses of a table."""
    entries: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in ledger.read(table.label):
        entries.setdefault((repr(entry.key), entry.column, repr(entry.original)), []).append(entry)
    return Excuses(table, entries)


def _canonical(column: ColumnPlan, value: Any) -> Any:
    return decode_json(value, keep_last=True) if column.type is ColumnType.DOCUMENT and value is not None else value
