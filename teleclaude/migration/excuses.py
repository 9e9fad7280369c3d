"""What the ledger excuses: that PostgreSQL holds a certain value in the place of another one, and nothing else."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from teleclaude.migration.columns import ColumnType
from teleclaude.migration.decode import UndecodableError, decode, decode_json, same
from teleclaude.migration.ledger import Entry, LedgerIndex
from teleclaude.migration.tables import ColumnPlan, TablePlan

WINDOW = 32 << 20
"""Bytes that the ledger lines in memory may take, about: those of the rows around the one that is compared."""
LINE = 1500
"""Bytes that a line takes beside its values, as measured."""

Mark = tuple[str, str, str]
"""A row's key, a column and the original value, as text in which 1, 1.0 and True differ."""


@dataclass
class LedgerWindow:
    """The ledger lines of a table, of which the last ones that were read are in memory.

    The load wrote them in the order in which the proof reads the rows, but for those of refused values, which come a
    segment later. So what is looked for is mostly in memory or a little ahead; if not, the ledger is read around once.
    """

    ledger: LedgerIndex
    table: str
    room: int = WINDOW
    _rest: Iterator[Entry] = field(init=False, default_factory=lambda: iter(()))
    _kept: defaultdict[Mark, deque[Entry]] = field(init=False, default_factory=lambda: defaultdict(deque))
    _order: deque[Mark] = field(init=False, default_factory=deque)

    def find(self, mark: Mark) -> Iterator[Entry]:
        """Yield the lines of a value, some perhaps twice; reading on costs time, so stop at the one that serves."""
        yield from tuple(self._kept.get(mark, ()))
        for _ in ("to the end", "and once around"):
            for entry in self._rest:
                self._keep(entry)
                if _mark_of(entry) == mark:
                    yield entry
            self._rest = self.ledger.read(self.table)

    def _keep(self, entry: Entry) -> None:
        mark = _mark_of(entry)
        self._kept[mark].append(entry)
        self._order.append(mark)
        self.room -= _weigh(entry)
        while self.room < 0 and len(self._order) > 1:
            oldest = self._order.popleft()
            self.room += _weigh(self._kept[oldest].popleft())
            if not self._kept[oldest]:
                del self._kept[oldest]


def _mark_of(entry: Entry) -> Mark:
    return repr(entry.key), entry.column, repr(entry.original)


def _weigh(entry: Entry) -> int:
    # The original is in the mark as well.
    sizes = (2 * _size(entry.original), _size(entry.stored))
    return LINE + sum(sizes)


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes) else 0


@dataclass(frozen=True)
class Excuses:
    """What may stand in PostgreSQL for the values of a table."""

    table: TablePlan
    lines: LedgerWindow

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

    def allow(self, row: Sequence[Any], place: int, found: Any) -> bool:
        """Whether PostgreSQL may hold `found` for a value of a row: what it means, or what its ledger line says."""
        column = self.table.columns[place]
        stored = _canonical(column, found)
        try:
            if same(_marked(column, row[place], decode(column, row[place])), stored):
                return True
        except UndecodableError:
            pass
        return any(same(_canonical(column, entry.stored), stored) for entry in self._find(row, place))

    def _find(self, row: Sequence[Any], place: int) -> Iterator[Entry]:
        raw = row[place]
        mark = (repr(self.table.key_of(row)), self.table.columns[place].name, repr(raw))
        return (entry for entry in self.lines.find(mark) if type(entry.original) is type(raw) and entry.original == raw)


def read_excuses(ledger: LedgerIndex, table: TablePlan) -> Excuses:
    """Return what the ledger excuses of a table."""
    return Excuses(table, LedgerWindow(ledger, table.label))


def _canonical(column: ColumnPlan, value: Any) -> Any:
    if column.type is ColumnType.DOCUMENT and value is not None:
        return _marked(column, value, decode_json(value, keep_last=True))
    return value


def _marked(column: ColumnPlan, value: Any, meaning: Any) -> Any:
    """Return what a value means, and of JSON that there is some: its null is not NULL."""
    return [meaning] if column.type is ColumnType.DOCUMENT and value is not None else meaning
