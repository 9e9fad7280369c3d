"""The proof: every value is read back from PostgreSQL and compared with the copy of the old database.

Values are decoded by `decode`, never by the converter. A difference is excused by exactly one thing: a ledger line with
this original and this stored value.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.errors import VerificationError
from teleclaude.migration.carried import read_set_aside, row_text
from teleclaude.migration.columns import ColumnType
from teleclaude.migration.decode import UndecodableError, decode, decode_json, same
from teleclaude.migration.ledger import Entry, LedgerIndex
from teleclaude.migration.multiset import find_difference
from teleclaude.migration.shapes import quote
from teleclaude.migration.tables import ColumnPlan, TablePlan

SENSITIVE = re.compile(r"token|secret|contract_json|target_url|payload|event_json", re.IGNORECASE)
SHOWN_CHARACTERS = 80

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
    """Compare a table row by row, as its key names them."""
    result = reader.exec_driver_sql(table.select)
    while batch := result.fetchmany(batch_size):
        found = await _fetch(connection, table, [_target_key(table, row, excuses) for row in batch])
        for row in batch:
            if aside and aside[whole := row_text(table, row)]:
                aside[whole] -= 1
            else:
                _compare_row(table, row, found.get(_target_key(table, row, excuses)), excuses)
    if aside.total():
        raise _differs(table, None, "", "no such row", next(iter(+aside)))


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


def _target_key(table: TablePlan, row: Row, excuses: Excuses) -> tuple[Any, ...]:
    places = {column.name: place for place, column in enumerate(table.columns)}
    return tuple(stored_value(table, row, places[name], excuses) for name in table.key)


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
    connection: AsyncConnection, table: TablePlan, keys: list[tuple[Any, ...]]
) -> dict[tuple[Any, ...], Row]:
    kinds = {column.name: column.type for column in table.columns}
    whole = [key for key in keys if None not in key]
    if not whole:
        return {}
    arrays = [f"CAST(${place} AS {kinds[name]}[])" for place, name in enumerate(table.key, 1)]
    names = ", ".join(map(quote, table.key))
    # = ANY is always looked up in the index; only a key of several columns needs rows to compare with.
    among = f"= ANY({arrays[0]})" if len(arrays) == 1 else f"IN (SELECT * FROM unnest({', '.join(arrays)}))"  # noqa: S608
    query = f"{_select_back(table)} WHERE ({names}) {among}"
    rows = (await connection.exec_driver_sql(query, tuple(list(part) for part in zip(*whole, strict=True)))).all()
    places = [[column.name for column in table.columns].index(name) for name in table.key]
    return {tuple(row[place] for place in places): row for row in rows}


def _compare_row(table: TablePlan, row: Row, found: Row | None, excuses: Excuses) -> None:
    key = table.key_of(row)
    if found is None:
        raise _differs(table, key, "", "a row", "none")
    for place, column in enumerate(table.columns):
        if not _holds(column, row[place], found[place], excuses.get((repr(key), column.name, repr(row[place])), [])):
            raise _differs(table, key, column.name, row[place], found[place])
    for (name, value), stored in zip(table.constants, found[len(table.columns) :], strict=True):
        if stored != value:
            raise _differs(table, key, name, value, stored)


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
