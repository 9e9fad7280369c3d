"""The proof: every value is read back from PostgreSQL and compared with the copy of the old database.

Values are decoded by `decode`, never by the converter. A difference is excused by exactly one thing: a ledger line with
this original and this stored value.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.errors import VerificationError
from teleclaude.migration.carried import read_set_aside, row_text
from teleclaude.migration.columns import ColumnType
from teleclaude.migration.decode import UndecodableError, decode, decode_json, same
from teleclaude.migration.ledger import Entry, LedgerIndex
from teleclaude.migration.matching import find_doubtful, is_plain
from teleclaude.migration.multiset import find_difference
from teleclaude.migration.shapes import quote
from teleclaude.migration.tables import ColumnPlan, TablePlan

SENSITIVE = re.compile(r"token|secret|contract_json|target_url|payload|event_json", re.IGNORECASE)
SHOWN_CHARACTERS = 80

BATCH_SIZE = 4 << 20
"""A batch that holds so many characters and bytes is large enough, however few its rows."""

SIZED = frozenset({str, bytes})

Row = Sequence[Any]
Excuses = Mapping[tuple[str, str, str], list[Entry]]


@dataclass(frozen=True)
class Proof:
    """How many rows PostgreSQL holds of a table, and how many values of them were compared."""

    rows: int
    values: int


async def verify_table(
    connection: AsyncConnection, reader: Connection, table: TablePlan, ledger: LedgerIndex, batch_size: int
) -> Proof:
    """Compare a whole table and return what was compared.

    Raises VerificationError at the first value that differs without excuse, and where rows are missing or too many.
    """
    excuses = read_excuses(ledger, table)
    aside = await read_set_aside(connection, table)
    rows = (await connection.exec_driver_sql(f"SELECT count(*) FROM {table.sql_name}")).scalar() or 0  # noqa: S608
    if rows + aside.total() != table.rows:
        raise _wrong_number(table, rows + aside.total())
    if table.key:
        await _compare_keyed(connection, reader, table, excuses, aside, batch_size)
    else:
        await _compare_unkeyed(connection, reader, table, excuses, aside)
    return Proof(rows, rows * (len(table.columns) + len(table.constants)))


async def _compare_keyed(  # noqa: PLR0913, PLR0917 - both sides, and what is known of them
    connection: AsyncConnection,
    reader: Connection,
    table: TablePlan,
    excuses: Excuses,
    aside: Counter[str],
    batch_size: int,
) -> None:
    """Compare a table a batch of rows at a time, as their keys name them."""
    batches = _read_batches(reader, table, aside, batch_size)
    async with aclosing(_look_up(connection, table, batches, excuses)) as pairs:
        async for rows, found in pairs:
            _compare_batch(table, rows, found, excuses)
    if aside.total():
        raise _differs(table, None, "", "no such row", next(iter(+aside)))


def _read_batches(reader: Connection, table: TablePlan, aside: Counter[str], batch_size: int) -> Iterator[list[Row]]:
    """Yield the rows of the source that were not set aside, so many at a time as are small together."""
    batch: list[Row] = []
    size = 0
    for row in reader.exec_driver_sql(table.select):
        if aside and aside[whole := row_text(table, row)]:
            aside[whole] -= 1
            continue
        batch.append(row)
        for value in row:
            if type(value) in SIZED:
                size += len(value)
        if len(batch) == batch_size or size >= BATCH_SIZE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _look_up(
    connection: AsyncConnection, table: TablePlan, batches: Iterator[list[Row]], excuses: Excuses
) -> AsyncGenerator[tuple[list[Row], list[Row]], None]:
    """Yield every batch with its rows in PostgreSQL, which looks up the next one while this one is compared."""
    ahead: asyncio.Task[tuple[list[Row], list[Row]]] | None = None
    try:
        for rows in batches:
            keys = _target_keys(table, rows, excuses)
            pair = await ahead if ahead else None
            ahead = asyncio.create_task(_fetch(connection, table, rows, keys))
            # The task runs until its query is sent.
            await asyncio.sleep(0)
            if pair:
                yield pair
        if ahead:
            yield await ahead
    finally:
        if ahead:
            # The connection can do nothing else before it has answered.
            await asyncio.gather(ahead, return_exceptions=True)


def _wrong_number(table: TablePlan, rows: int) -> VerificationError:
    return VerificationError(
        f"{table.label} holds {rows} rows, the source holds {table.rows}",
        "report this; nothing was kept",
        table=table.label,
        key=None,
        column="",
    )


def read_excuses(ledger: LedgerIndex, table: TablePlan) -> Excuses:
    """Return the ledger lines of a table by row and column."""
    excuses: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in ledger.read(table.label):
        excuses.setdefault((repr(entry.key), entry.column, repr(entry.original)), []).append(entry)
    return excuses


def _target_keys(table: TablePlan, rows: list[Row], excuses: Excuses) -> list[tuple[Any, ...]]:
    """Return what PostgreSQL must hold as the key of every row."""
    columns = list(zip(*rows, strict=True))
    parts = []
    for place in _key_places(table):
        if is_plain(table.columns[place], columns[place]):
            parts.append(columns[place])
        else:
            parts.append(tuple(stored_value(table, row, place, excuses) for row in rows))
    return list(zip(*parts, strict=True))


def _key_places(table: TablePlan) -> list[int]:
    places = {column.name: place for place, column in enumerate(table.columns)}
    return [places[name] for name in table.key]


def stored_value(table: TablePlan, row: Row, place: int, excuses: Excuses) -> Any:
    """Return what PostgreSQL must hold for a value of a source row: what it means, else what its ledger line says."""
    column, raw = table.columns[place], row[place]
    try:
        return decode(column, raw)
    except UndecodableError:
        entries = excuses.get((repr(table.key_of(row)), column.name, repr(raw)), [])
        return next((entry.stored for entry in entries if _same_original(entry, raw)), None)


def _same_original(entry: Entry, raw: Any) -> bool:
    return type(entry.original) is type(raw) and bool(entry.original == raw)


def _read_back(column: ColumnPlan) -> str:
    return f"{quote(column.name)}::text" if column.type is ColumnType.DOCUMENT else quote(column.name)


def _select_back(table: TablePlan) -> str:
    columns = [_read_back(column) for column in table.columns] + [quote(name) for name, _ in table.constants]
    return f"SELECT {', '.join(columns)} FROM {table.sql_name}"  # noqa: S608


async def _fetch(
    connection: AsyncConnection, table: TablePlan, rows: list[Row], keys: list[tuple[Any, ...]]
) -> tuple[list[Row], list[Row]]:
    """Return rows of the source, and beside each the one that has its key; raises VerificationError where none has."""
    kinds = {column.name: column.type for column in table.columns}
    whole = [key for key in keys if None not in key]
    parts = [list(part) for part in zip(*whole, strict=True)] or [[] for _ in table.key]
    arrays = [f"CAST(${place} AS {kinds[name]}[])" for place, name in enumerate(table.key, 1)]
    names = ", ".join(map(quote, table.key))
    # = ANY is always looked up in the index; only a key of several columns needs rows to compare with.
    among = f"= ANY({arrays[0]})" if len(arrays) == 1 else f"IN (SELECT * FROM unnest({', '.join(arrays)}))"  # noqa: S608
    query = f"{_select_back(table)} WHERE ({names}) {among}"
    result = (await connection.exec_driver_sql(query, tuple(parts))).all()
    columns = list(zip(*result, strict=True))
    found = (
        dict(zip(zip(*(columns[place] for place in _key_places(table)), strict=True), result, strict=True))
        if result
        else {}
    )
    for row, key in zip(rows, keys, strict=True):
        if key not in found:
            raise _differs(table, table.key_of(row), "", "a row", "none")
    return rows, [found[key] for key in keys]


def _compare_batch(table: TablePlan, rows: list[Row], found: list[Row], excuses: Excuses) -> None:
    """Compare rows column by column; only what does not evidently mean the same is looked at value by value."""
    stored = list(zip(*found, strict=True))
    for place, (column, raw) in enumerate(zip(table.columns, zip(*rows, strict=True), strict=True)):
        for index in find_doubtful(column, raw, stored[place]):
            key, value = table.key_of(rows[index]), raw[index]
            entries = excuses.get((repr(key), column.name, repr(value)), [])
            if not _holds(column, value, stored[place][index], entries):
                raise _differs(table, key, column.name, value, stored[place][index])
    for (name, value), values in zip(table.constants, stored[len(table.columns) :], strict=True):
        for row, one in zip(rows, values, strict=True):
            if one != value:
                raise _differs(table, table.key_of(row), name, value, one)


def _holds(column: ColumnPlan, raw: Any, found: Any, entries: Sequence[Entry]) -> bool:
    stored = _canonical(column, found)
    try:
        if same(decode(column, raw), stored):
            return True
    except UndecodableError:
        pass
    return any(_same_original(entry, raw) and same(_canonical(column, entry.stored), stored) for entry in entries)


def _canonical(column: ColumnPlan, value: Any) -> Any:
    return decode_json(value, keep_last=True) if column.type is ColumnType.DOCUMENT and value is not None else value


async def _compare_unkeyed(
    connection: AsyncConnection, reader: Connection, table: TablePlan, excuses: Excuses, aside: Counter[str]
) -> None:
    """Compare a table without a key: each row must stand there as often as in the source."""
    difference = await find_difference(
        lambda: _stored_rows(reader, table, excuses, aside.copy()), lambda: _read_all_back(connection, table)
    )
    if difference is None:
        return
    place = difference.place
    if place is None:
        raise _differs(table, None, "", difference.wanted or "no such row", difference.found or "no such row")
    assert difference.wanted is not None
    assert difference.found is not None
    names = [column.name for column in table.columns] + [name for name, _ in table.constants]
    raise _differs(table, difference.wanted, names[place], difference.wanted[place], difference.found[place])


def _stored_rows(
    reader: Connection, table: TablePlan, excuses: Excuses, aside: Counter[str]
) -> Iterator[tuple[Any, ...]]:
    """Yield what PostgreSQL must hold for every row of the source that was not set aside."""
    for row in reader.exec_driver_sql(table.select):
        if aside and aside[whole := row_text(table, row)]:
            aside[whole] -= 1
        else:
            yield tuple(stored_value(table, row, place, excuses) for place in range(len(table.columns)))
    if aside.total():
        raise _differs(table, None, "", "no such row", next(iter(+aside)))


async def _read_all_back(connection: AsyncConnection, table: TablePlan) -> AsyncIterator[tuple[Any, ...]]:
    # A name may hold a colon, which would otherwise begin a parameter.
    query = text(_select_back(table).replace(":", r"\:"))
    async with connection.stream(query) as rows:
        async for row in rows:
            yield tuple(row)


def _differs(table: TablePlan, key: Any, column: str, wanted: Any, found: Any) -> VerificationError:
    hidden = SENSITIVE.search(table.name) or SENSITIVE.search(column)
    shown = ("(hidden)", "(hidden)") if hidden else (_show(wanted), _show(found))
    where = "a row" if key is None or SENSITIVE.search(table.name) else f"row {_show(key)}"
    return VerificationError(
        f"{table.label}, {where}, {column or 'all columns'}: the source holds {shown[0]}, PostgreSQL holds {shown[1]}",
        "report this; nothing was kept",
        table=table.label,
        key=key,
        column=column,
    )


def _show(value: Any) -> str:
    written = ascii(value)
    return written if len(written) <= SHOWN_CHARACTERS else f"{written[:SHOWN_CHARACTERS]}… ({len(written)} characters)"
