"""The rows of an old table, batch by batch, as COPY takes them; what had to be converted goes to the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

from sqlalchemy import Connection

from teleclaude.migration.load.convert import SILENT_RULES, Change, convert_column
from teleclaude.migration.load.fast_path import clean_column
from teleclaude.migration.load.keys import KeyCheck
from teleclaude.migration.load.pgcopy import encode_column, encode_value, join_rows
from teleclaude.migration.load.rejects import encode_reject
from teleclaude.migration.plan.tables import ColumnPlan, TablePlan
from teleclaude.migration.source.reader import read_rows
from teleclaude.migration.state.ledger import Entry, Ledger, name_row

_BATCH_CHARACTERS = 64 << 10
"""A batch of so many characters and bytes ends, so that the next is read while PostgreSQL is busy with this one."""

_Values = Sequence[Any]


@dataclass(frozen=True)
class Batch:
    """Rows on their way: as the old database holds them, and as COPY takes them."""

    positions: list[int] = field(default_factory=list)
    """The number of each row in the order in which the table is read, from 0 on."""
    raw: list[_Values] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    rejects: list[bytes] = field(default_factory=list)
    """Rejected rows, as COPY takes them into the table of rejects."""

    def extend(self, other: Batch) -> None:
        """Append what another batch holds."""
        self.positions.extend(other.positions)
        self.raw.extend(other.raw)
        self.sent.extend(other.sent)
        self.rejects.extend(other.rejects)

    def part(self, begin: int, end: int | None = None) -> Batch:
        """Return some of the rows, without rejects."""
        return Batch(self.positions[begin:end], self.raw[begin:end], self.sent[begin:end])


@dataclass
class Loaded:
    """The sums of a load."""

    rows: int = 0
    """Rows that were sent."""
    size: int = 0
    """The bytes of these rows."""
    seconds: float = 0.0
    silent: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Values that a silent rule converted, by column and rule."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Rejected rows, by reason."""


@dataclass(frozen=True)
class Source:
    """What a load reads from and writes its ledger to; `batch_size` rows at most are read at a time."""

    reader: Connection
    ledger: Ledger
    batch_size: int


def read_batches(source: Source, table: TablePlan, keys: KeyCheck, loaded: Loaded) -> Iterator[Batch]:
    """Return the rows of a table as PostgreSQL takes them; a row whose key cannot be held is rejected."""
    constants = [encode_value(value) for _, value in table.constants]
    positions = count()

    def make_batch(raw: list[_Values]) -> Batch:
        columns = [list(values) for values in zip(*raw, strict=True)]
        converted = [_convert(column, values) for column, values in zip(table.columns, columns, strict=True)]
        numbers = list(islice(positions, len(raw)))
        changed = _Changes(table, raw, numbers).record(source.ledger, [changes for _, changes in converted], loaded)
        stored = [values for values, _ in converted]
        kinds = (column.type for column in table.columns)
        sent = join_rows([encode_column(*column) for column in zip(stored, kinds, strict=True)], constants)
        rejected = keys.reject_rows(stored, changed)
        loaded.rejected.update(rejected.values())
        rejects = [encode_reject(table, numbers[row], reason, raw[row]) for row, reason in rejected.items()]
        return Batch(_without(numbers, rejected), _without(raw, rejected), _without(sent, rejected), rejects)

    # No loop, whose variables would hold these rows while the next ones are read.
    return map(make_batch, read_rows(source.reader, table.select, source.batch_size, _BATCH_CHARACTERS))


def _without(rows: list[Any], rejected: dict[int, str]) -> list[Any]:
    return [row for index, row in enumerate(rows) if index not in rejected] if rejected else rows


def _convert(column: ColumnPlan, values: _Values) -> tuple[_Values, Mapping[int, Change]]:
    """Return a column as PostgreSQL takes it: at once where all of it is clean, else value by value."""
    try:
        return clean_column(values, column.type, nullable=column.nullable, context=column.context), {}
    except ValueError:
        return convert_column(
            values, column.type, nullable=column.nullable, default=column.default, context=column.context
        )


@dataclass(frozen=True)
class _Changes:
    """The rows of a batch, in which values are converted."""

    table: TablePlan
    raw: Sequence[_Values]
    numbers: Sequence[int]

    def record(self, ledger: Ledger, changes: Sequence[Mapping[int, Change]], loaded: Loaded) -> set[int]:
        """Write the converted values to the ledger, and return the rows whose key is among them."""
        rows = set()
        for place, (column, changed) in enumerate(zip(self.table.columns, changes, strict=True)):
            for index, change in changed.items():
                if change.rule in SILENT_RULES:
                    loaded.silent[column.name, change.rule] += 1
                    continue
                if column.name in self.table.key:
                    rows.add(index)
                ledger.write(self._describe(column, index, self.raw[index][place], change))
        return rows

    def _describe(self, column: ColumnPlan, index: int, original: Any, change: Change) -> Entry:
        row = self.raw[index]
        key = name_row(self.table.key_of(row), row)
        return Entry(self.table.label, key, column.name, change.rule, original, change.stored, self.numbers[index])
