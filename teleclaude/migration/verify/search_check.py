"""A few searches on both sides: what the old full-text index finds, the daemon must find on PostgreSQL.

The words come from the data, so neither a search nor what it finds belongs in a report.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.search.places import MOST, PLACES, Search, find_all
from teleclaude.db.search.rows import Searchable
from teleclaude.db.unicode61 import split_words
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.source.reader import reading
from teleclaude.migration.values.identifiers import quote

LOST = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL holds something else for, so that nobody can ask for it: U+0000, and bytes that are no UTF-8."""
LONGEST_WORD = 40
LONGEST_TEXT = 100_000
"""In characters."""


def choose_searches(plan: Plan) -> tuple[Search, ...]:
    """Return searches made of the words of a few rows, in the ways that people ask."""
    rows = _read_samples(plan)
    return tuple(dict.fromkeys(search for name, row in rows for search in _phrase(name, row)))


def _read_samples(plan: Plan) -> list[tuple[str, dict[str, Any]]]:
    """Return the oldest and the newest row of each table that is searched, of those that are quick to look at."""
    with reading(plan.databases) as sources:
        return [
            (table.name, row)
            for table in _searched(plan)
            for order in ("ASC", "DESC")
            for row in _select(
                sources.of(table.from_events), table, f"{_short(table)} ORDER BY {quote('id')} {order} LIMIT 1"
            )
        ]


def _short(table: TablePlan) -> str:
    reads = [column.read for column in table.columns if column.name in PLACES[table.name].columns]
    return "WHERE " + " AND ".join(f"coalesce(length({read}), 0) <= {LONGEST_TEXT}" for read in reads)


def _searched(plan: Plan) -> list[TablePlan]:
    return [table for table in plan.tables if table.name in PLACES and not table.legacy and table.rows]


def _select(copy: Connection, table: TablePlan, clause: str) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns]
    rows = copy.exec_driver_sql(f"{table.select} {clause}")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _phrase(table: str, row: dict[str, Any]) -> Iterator[Search]:
    texts = [row.get(name) for name in PLACES[table].columns]
    pieces = [piece for text in texts if isinstance(text, str) for piece in text.split()[:20] if not LOST.search(piece)]
    words = [word for piece in pieces for word in split_words(piece) if len(word) <= LONGEST_WORD]
    if len(words) > 1:
        yield Search(table, f'"{words[0]}"')
        yield Search(table, f'"{words[-1][:3]}"*')
        yield Search(table, f'"{words[0]}" OR "{words[-1]}"')
        yield Search(table, f'"{words[-1]}" NOT "{words[0]}"')
        # Not among all rows: each that has the words would have to be read.
        yield Search(table, f'"{words[0]} {words[1]}"', row["id"])
    # As it stands: a path or an address is no query, and is looked for with LIKE.
    odd = [piece for piece in pieces if len(split_words(piece)) > 1 and len(piece) <= LONGEST_WORD]
    yield from [Search(table, piece, row["id"]) for piece in odd[:1]]


async def find_differences(plan: Plan, searches: Sequence[Search], found: Sequence[Sequence[int]]) -> list[str]:
    """Return a sentence for every table in which the daemon `found` other rows than the old program would."""
    before = await _find_before(plan, searches)
    samples = [(name, row["id"]) for name, row in _read_samples(plan)]
    differing: dict[str, set[int]] = {}
    for search, old_ids, new_ids in zip(searches, before, found, strict=True):
        # The samples as well: an old index that lags behind would say nothing of them.
        doubtful = set(old_ids) ^ set(new_ids) | {row for name, row in samples if name == search.table}
        # Beyond the last row that both looked at, a list that is full says nothing.
        horizon = min((ids[-1] for ids in (old_ids, new_ids) if len(ids) == MOST), default=None)
        doubtful = {row for row in doubtful if horizon is None or row <= horizon}
        if doubtful:
            differing.setdefault(search.table, set()).update(await _judge(plan, search, doubtful, set(new_ids)))
    return [
        f"in {table} the search finds other rows than before, the one with id {min(ids)} for example"
        for table, ids in differing.items()
        if ids
    ]


async def _find_before(plan: Plan, searches: Sequence[Search]) -> list[list[int]]:
    """Return what the old program would find, nothing in a table that had another name."""
    assert plan.inventory.database is not None
    copy = URL.create("sqlite+aiosqlite", database=str(plan.inventory.database.copy))
    named = {table.name for table in _searched(plan) if table.source.lower() == table.name}
    async with disposing(make_engine(copy, read_only=True)) as engine, engine.connect() as old:
        return [(await find_all(old, [search]))[0] if search.table in named else [] for search in searches]


async def _judge(plan: Plan, search: Search, doubtful: set[int], found: set[int]) -> set[int]:
    """Return the rows that the daemon finds and should not, or the reverse.

    The old index may be stale, or was never made: a new one over the doubtful rows alone says what is right.
    """
    (table,) = (table for table in _searched(plan) if table.name == search.table)
    ids = ", ".join(map(str, sorted(doubtful)))
    with reading(plan.databases) as sources:
        rows = _select(sources.of(table.from_events), table, f"WHERE {quote('id')} IN ({ids})")
    async with disposing(make_engine(URL.create("sqlite+aiosqlite"))) as engine, engine.connect() as memory:
        await _fill(memory, PLACES[search.table], rows)
        ((*right,),) = await find_all(memory, [search])
    return (set(right) ^ found) & doubtful


async def _fill(memory: AsyncConnection, place: Searchable, rows: list[dict[str, Any]]) -> None:
    names = ["id", *place.columns]
    table, columns, marks = place.table.name, ", ".join(names), ", ".join("?" for _ in names)
    values = [tuple(_to_text(row.get(name)) for name in names) for row in rows]
    await memory.exec_driver_sql(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, {', '.join(place.columns)})")
    try:
        await memory.exec_driver_sql(f"CREATE VIRTUAL TABLE {table}_fts USING fts5({', '.join(place.columns)})")
    except DBAPIError:
        # A SQLite without FTS5 looks for the text as it stands, as the old program did there.
        tables = [table]
    else:
        tables = [table, f"{table}_fts"]
    for name in tables:
        key = columns if name == table else columns.replace("id", "rowid", 1)
        await memory.exec_driver_sql(f"INSERT INTO {name} ({key}) VALUES ({marks})", values)  # noqa: S608


def _to_text(value: Any) -> Any:
    # Bytes that are no UTF-8 arrive as lone surrogates, which SQLite does not take back.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
