"""A few searches on both sides: what the old full-text index finds, the daemon must find on PostgreSQL.

The words come from the data, so neither a search nor what it finds belongs in a report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.search.places import MOST, PLACES, Search, find_all
from teleclaude.db.search.rows import Searchable
from teleclaude.db.unicode61 import split_words
from teleclaude.errors import Problem
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.source.installation import SourceDatabase
from teleclaude.migration.source.reader import reading
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.values.identifiers import quote
from teleclaude.migration.verify.decode import UndecodableError, decode, is_text
from teleclaude.migration.verify.problems import SEARCH_DIFFERS

_LONGEST_WORD = 40
_LONGEST_TEXT = 100_000
"""In characters."""

_Row = dict[str, Any]


@dataclass(frozen=True)
class SearchCheck:
    """The copy of the old main database, and those of its tables that are searched."""

    database: SourceDatabase
    tables: tuple[TablePlan, ...]

    def choose(self) -> tuple[Search, ...]:
        """Return searches made of the words of a few rows, in the ways that people ask."""
        rows = self._read_samples()
        return tuple(dict.fromkeys(search for name, row in rows for search in _phrase(name, row)))

    async def find_differences(self, searches: Sequence[Search], found: Sequence[Sequence[int]]) -> list[Problem]:
        """Return a problem for every table in which the daemon `found` other rows than the old program would."""
        before = await self._find_before(searches)
        samples = [(name, row["id"]) for name, row in self._read_samples()]
        differing: dict[str, set[int]] = {}
        for search, old_ids, new_ids in zip(searches, before, found, strict=True):
            # The samples as well: an old index that lags behind does not know them.
            doubtful = set(old_ids) ^ set(new_ids) | {row for name, row in samples if name == search.table}
            # A full list says nothing of the rows behind its last one.
            horizon = min((ids[-1] for ids in (old_ids, new_ids) if len(ids) == MOST), default=None)
            doubtful = {row for row in doubtful if horizon is None or row <= horizon}
            if doubtful:
                differing.setdefault(search.table, set()).update(await self._judge(search, doubtful, set(new_ids)))
        return [SEARCH_DIFFERS.fill(table=table, row=min(ids)) for table, ids in differing.items() if ids]

    def _read_samples(self) -> list[tuple[str, _Row]]:
        """Return the oldest and the newest row of each table, of those that are quick to look at."""
        return [
            (table.name, row)
            for table in self.tables
            for order in ("ASC", "DESC")
            for row in self._select(table, f"{_short(table)} ORDER BY {quote('id')} {order} LIMIT 1")
        ]

    def _select(self, table: TablePlan, clause: str) -> list[_Row]:
        names = [column.name for column in table.columns]
        with reading([self.database]) as sources:
            rows = sources.main.exec_driver_sql(f"{table.select} {clause}")
            return [dict(zip(names, row, strict=True)) for row in rows]

    async def _find_before(self, searches: Sequence[Search]) -> list[list[int]]:
        """Return what the old program would find, nothing in a table that had another name."""
        copy = URL.create("sqlite+aiosqlite", database=str(self.database.copy))
        named = {table.name for table in self.tables if table.source.lower() == table.name}
        async with disposing(make_engine(copy, read_only=True)) as engine, engine.connect() as old:
            return [await _find_old(old, search) if search.table in named else [] for search in searches]

    async def _judge(self, search: Search, doubtful: set[int], found: set[int]) -> set[int]:
        """Return the rows that the daemon finds and should not, or the reverse.

        The old index may lag behind, or was never made: new ones over the doubtful rows alone say what is right.
        """
        (table,) = (table for table in self.tables if table.name == search.table)
        rows = self._select(table, f"WHERE {quote('id')} IN ({', '.join(map(str, sorted(doubtful)))})")
        spellings = [spelled for row in rows if (spelled := _spell(table, row))]
        if not spellings:
            return set()
        written, plain, escaped = [await _search_again(search, spelled) for spelled in zip(*spellings, strict=True)]
        right = plain | escaped
        return {row["id"] for row, _, _ in spellings} & ((written & right) - found | found - right)


def make_search_check(databases: Sequence[SourceDatabase], tables: Sequence[TablePlan]) -> SearchCheck:
    """Return the check of a run, made from its databases, the main one first, and its tables."""
    searched = (table for table in tables if table.name in PLACES and not table.legacy and table.rows)
    return SearchCheck(databases[0], tuple(searched))


async def _find_old(old: AsyncConnection, search: Search) -> list[int]:
    try:
        return (await find_all(old, [search]))[0]
    except DBAPIError:
        # A column may have an order of text that this SQLite does not know; then the judge alone decides.
        return []


def _spell(table: TablePlan, row: _Row) -> tuple[_Row, _Row, _Row] | None:
    """Return a row as it was written, with its JSON as it is, and with its JSON in ASCII.

    None where PostgreSQL holds another JSON, as the ledger says.
    """
    names = PLACES[table.name].columns
    documents = [column for column in table.columns if column.type is ColumnType.DOCUMENT and column.name in names]
    try:
        values = {
            column.name: _in_order(decode(column, row[column.name]))
            for column in documents
            if row[column.name] is not None
        }
    except UndecodableError:
        return None
    plain, escaped = (
        {name: json.dumps(value, ensure_ascii=ascii_only, default=str) for name, value in values.items()}
        for ascii_only in (False, True)
    )
    return row, row | plain, row | escaped


def _in_order(value: Any) -> Any:
    """Return decoded JSON with its keys in the order of jsonb, the shortest first."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value, key=lambda key: (len(key.encode()), key.encode()))}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


def _short(table: TablePlan) -> str:
    reads = [column.read for column in table.columns if column.name in PLACES[table.name].columns]
    return "WHERE " + " AND ".join(f"coalesce(length({read}), 0) <= {_LONGEST_TEXT}" for read in reads)


def _phrase(table: str, row: _Row) -> Iterator[Search]:
    texts = [row.get(name) for name in PLACES[table].columns]
    # For a text that PostgreSQL cannot hold it holds another one, so nobody can search for it.
    pieces = [piece for text in texts if isinstance(text, str) for piece in text.split()[:20] if is_text(piece)]
    words = [word for piece in pieces for word in split_words(piece) if len(word) <= _LONGEST_WORD]
    if len(words) > 1:
        yield Search(table, f'"{words[0]}"')
        yield Search(table, f'"{words[-1][:3]}"*')
        yield Search(table, f'"{words[0]}" OR "{words[-1]}"')
        # In one row only: among all rows, each that has the words would have to be read.
        yield Search(table, f'"{words[-1]}" NOT "{words[0]}"', row["id"])
        yield Search(table, f'"{words[0]} {words[1]}"', row["id"])
    # A path or an address is no query, and is looked for as it is, with LIKE.
    odd = [piece for piece in pieces if len(split_words(piece)) > 1 and len(piece) <= _LONGEST_WORD]
    yield from [Search(table, piece, row["id"]) for piece in odd[:1]]


async def _search_again(search: Search, rows: Sequence[_Row]) -> set[int]:
    """Return what a new index over these rows finds."""
    async with disposing(make_engine(URL.create("sqlite+aiosqlite"))) as engine, engine.connect() as memory:
        await _fill(memory, PLACES[search.table], rows)
        return set((await find_all(memory, [search]))[0])


async def _fill(memory: AsyncConnection, place: Searchable, rows: Sequence[_Row]) -> None:
    names = ["id", *place.columns]
    table, columns, marks = place.table.name, ", ".join(names), ", ".join("?" for _ in names)
    values = [tuple(_to_text(row.get(name)) for name in names) for row in rows]
    await memory.exec_driver_sql(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {', '.join(place.columns)})")
    await memory.exec_driver_sql(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)  # noqa: S608
    try:
        await memory.exec_driver_sql(f"CREATE VIRTUAL TABLE {table}_fts USING fts5({', '.join(place.columns)})")
    except DBAPIError:
        # A SQLite without FTS5 looks for the text as it is, as the old program did there.
        return
    columns = columns.replace("id", "rowid", 1)
    await memory.exec_driver_sql(f"INSERT INTO {table}_fts ({columns}) VALUES ({marks})", values)  # noqa: S608


def _to_text(value: Any) -> Any:
    # SQLite accepts no lone surrogates, which are bytes that are no UTF-8, and its LIKE stops at a NUL.
    return value.encode("utf-8", "replace").decode().replace("\0", "\u2400") if isinstance(value, str) else value
