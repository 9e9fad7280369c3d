"""The rows of an old table, batch by batch, as COPY takes them; what had to be changed goes to the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

from sqlalchemy import Connection

from teleclaude.migration.load.convert import SILENT_RULES, convert_column
from teleclaude.migration.load.fast_path import clean_column
from teleclaude.migration.load.keys import KeyKeeper
from teleclaude.migration.load.pgcopy import encode_column, encode_constant, join_rows
from teleclaude.migration.load.rejects import encode_reject
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.source.reader import read_rows
from teleclaude.migration.state.ledger import Entry, Ledger

BATCH_SIZE = 64 << 10
"""A batch of so many characters and bytes ends, so that the next is read while PostgreSQL is busy with this one."""

Values = Sequence[Any]


@dataclass(frozen=True)
class Batch:
    """Rows on their way: as the old database holds them, and as COPY takes them."""

    positions: list[int] = field(default_factory=list)
    """Where each row stands in the order in which the table is read, from 0 on."""
    raw: list[Values] = field(default_factory=list)
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
    """What a load did: rows sent, their bytes, values in the ledger or changed by a silent rule."""

    rows: int = 0
    size: int = 0
    converted: int = 0
    silent: Counter[tuple[str, str]] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    """The number of rejected rows, by reason."""


@dataclass(frozen=True)
class Source:
    """What a load reads from and writes its ledger to; `batch_size` rows at most are read at a time."""

    reader: Connection
    ledger: Ledger
    batch_size: int


def read_batches(source: Source, table: TablePlan, keeper: KeyKeeper, loaded: Loaded) -> Iterator[Batch]:
    """Return the rows of a table as PostgreSQL takes them; a row whose key cannot be held is rejected."""
    constants = [encode_constant(value) for _, value in table.constants]
    ordinals = count()

    def make_batch(raw: list[Values]) -> Batch:
        columns = [list(values) for values in zip(*raw, strict=True)]
        changed: set[int] = set()
        stored = [_convert(source.ledger, table, columns, place, loaded, changed) for place in range(len(columns))]
        kinds = (column.type for column in table.columns)
        sent = join_rows([encode_column(*column) for column in zip(stored, kinds, strict=True)], constants)
        refused = keeper.refuse_rows(stored, changed)
        positions = list(islice(ordinals, len(raw)))
        loaded.rejected.update(refused.values())
        rejects = [encode_reject(table, positions[row], reason, raw[row]) for row, reason in refused.items()]
        return Batch(_without(positions, refused), _without(raw, refused), _without(sent, refused), rejects)

    # No loop, whose variables would hold these rows while the next ones are read.
    return map(make_batch, read_rows(source.reader, table.select, source.batch_size, BATCH_SIZE))


def _without(rows: list[Any], refused: dict[int, str]) -> list[Any]:
    return [row for index, row in enumerate(rows) if index not in refused] if refused else rows


def _convert(  # noqa: PLR0913, PLR0917 - a batch and its two tallies
    ledger: Ledger, table: TablePlan, columns: list[list[Any]], place: int, loaded: Loaded, changed_keys: set[int]
) -> Sequence[Any]:
    """Return a column as PostgreSQL takes it: at once where all of it is clean, else value by value."""
    column = table.columns[place]
    try:
        return clean_column(columns[place], column.type, nullable=column.nullable, context=column.context)
    except ValueError:
        stored, changes = convert_column(
            columns[place], column.type, nullable=column.nullable, default=column.default, context=column.context
        )
    for change in changes:
        rule, index = change.converted.rule, change.index
        if rule in SILENT_RULES:
            loaded.silent[column.name, rule] += 1
            continue
        if column.name in table.key:
            changed_keys.add(index)
        key = table.key_of([values[index] for values in columns])
        ledger.write(Entry(table.label, key, column.name, rule, columns[place][index], stored[index]))
        loaded.converted += 1
    return stored
