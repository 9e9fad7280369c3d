"""Rows read back from PostgreSQL: those of a batch by their keys, or all of a table without a key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.values.identifiers import quote
from teleclaude.migration.verify.decode import UndecodableError, is_text
from teleclaude.migration.verify.fast_path import is_plain
from teleclaude.migration.verify.ledger_check import LedgerCheck
from teleclaude.migration.verify.mismatch import Words, value_differs

Row = Sequence[Any]
_Key = tuple[Any, ...]
_Compare = Callable[[list[Row], list[Row]], Awaitable[None]]

_FEW = 16
"""A batch of fewer rows has large ones, as a rule, and two such are not held at a time."""

_REFUSALS = ("22", "54")
"""Classes of errors by which PostgreSQL says that it cannot hold a value: data exception, limit exceeded (its manual,
appendix A). Text that is no JSON is 22P02, and JSON that is too deep 54001."""


@dataclass(frozen=True)
class Target:
    """PostgreSQL, on one connection, which answers one question at a time, whoever asks."""

    connection: AsyncConnection
    turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def fetch(self, query: str, arguments: tuple[Any, ...] | None = None) -> Sequence[Row]:
        """Return the rows that a query finds."""
        async with self.turn:
            return (await self.connection.exec_driver_sql(query, arguments)).all()

    async def is_same_json(self, one: str, other: str) -> bool:
        """Whether two texts mean the same as jsonb compares; one that jsonb cannot hold equals nothing.

        PostgreSQL keeps the last of keys that occur twice, and says nothing of it.
        """
        if not is_text(one) or not is_text(other):
            return False
        try:
            async with self.turn, self.connection.begin_nested():
                question = await self.connection.exec_driver_sql(
                    "SELECT $1::text::jsonb = $2::text::jsonb", (one, other)
                )
                return question.scalar() is True
        except DBAPIError as error:
            if str(getattr(error.orig, "sqlstate", "")).startswith(_REFUSALS):
                return False
            raise


async def look_up(
    target: Target, batches: AsyncIterator[list[Row]], check: LedgerCheck, compare: _Compare
) -> AsyncGenerator[int, None]:
    """Hand every batch to `compare` with its rows in PostgreSQL, which looks up the next one meanwhile.

    Yields the number of rows that were looked up. Where PostgreSQL has no such row, it is left out if the daemon may
    have removed it, and else VerificationError is raised.
    """
    ahead: asyncio.Task[tuple[list[Row], list[Row]]] | None = None
    try:
        async for rows in batches:
            keys = _find_keys(rows, check)
            pair = await ahead if ahead else None
            ahead = asyncio.create_task(_fetch(target, check, rows, keys))
            # The task runs until its query is sent.
            await asyncio.sleep(0)
            if pair:
                await compare(*pair)
            if len(rows) < _FEW:
                await compare(*await ahead)
                ahead = None
            yield len(rows)
            # No row stays in memory while others are read.
            del rows, pair
        if ahead:
            await compare(*await ahead)
    finally:
        if ahead:
            # The connection can do nothing else before it has answered.
            await asyncio.gather(ahead, return_exceptions=True)


async def read_all_back(target: Target, table: TablePlan, names: Container[str]) -> AsyncIterator[_Key]:
    """Yield some columns of every row of a table in PostgreSQL; nothing else can be asked before the last row."""
    # A name may hold a colon, which would otherwise begin a parameter.
    query = text(_select_back(table, names).replace(":", r"\:"))
    async with target.turn, target.connection.stream(query) as rows:
        async for row in rows:
            yield tuple(row)


def _find_keys(rows: list[Row], check: LedgerCheck) -> list[_Key]:
    """Return what PostgreSQL must hold as the key of every row."""
    columns, plans = list(zip(*rows, strict=True)), check.table.columns
    parts = [
        columns[place] if is_plain(plans[place], columns[place]) else [_find_part(check, row, place) for row in rows]
        for place in _key_places(check.table)
    ]
    return list(zip(*parts, strict=True))


def _find_part(check: LedgerCheck, row: Row, place: int) -> Any:
    """Return what PostgreSQL must hold for a part of a key, NULL where nothing says so."""
    with suppress(UndecodableError):
        return check.stored_value(row, place)
    return None


def _key_places(table: TablePlan) -> list[int]:
    places = {column.name: place for place, column in enumerate(table.columns)}
    return [places[name] for name in table.key]


async def _fetch(target: Target, check: LedgerCheck, rows: list[Row], keys: list[_Key]) -> tuple[list[Row], list[Row]]:
    """Return rows of the source, and beside each the one that has its key; raises as `look_up` says."""
    table = check.table
    whole = [key for key in keys if None not in key]
    parts = [list(part) for part in zip(*whole, strict=True)] or [[] for _ in table.key]
    result = await target.fetch(_select_keys(table), tuple(parts))
    columns = list(zip(*result, strict=True))
    found_keys = zip(*(columns[place] for place in _key_places(table)), strict=True) if result else ()
    found = dict(zip(found_keys, result, strict=True))
    missing = [row for row, key in zip(rows, keys, strict=True) if key not in found]
    if not missing:
        return rows, [found[key] for key in keys]
    if not check.writes.removes:
        raise value_differs(table, table.key_of(missing[0]), "", Words("a row"), Words("none"))
    return (
        [row for row, key in zip(rows, keys, strict=True) if key in found],
        [found[key] for key in keys if key in found],
    )


def _select_keys(table: TablePlan) -> str:
    kinds = {column.name: column.type for column in table.columns}
    arrays = [f"CAST(${place} AS {kinds[name]}[])" for place, name in enumerate(table.key, 1)]
    # = ANY is always looked up in the index; only a key of several columns needs rows to compare with.
    among = f"= ANY({arrays[0]})" if len(arrays) == 1 else f"IN (SELECT * FROM unnest({', '.join(arrays)}))"  # noqa: S608
    return f"{_select_back(table)} WHERE ({', '.join(map(quote, table.key))}) {among}"


def _select_back(table: TablePlan, names: Container[str] | None = None) -> str:
    """Return the query for some columns or all, in the order of the plan, the constant ones last."""
    kinds = [(column.name, column.type) for column in table.columns] + [(name, None) for name, _ in table.constants]
    reads = [
        f"{quote(name)}::text" if kind is ColumnType.DOCUMENT else quote(name)
        for name, kind in kinds
        if names is None or name in names
    ]
    return f"SELECT {', '.join(reads)} FROM {table.sql_name}"  # noqa: S608
