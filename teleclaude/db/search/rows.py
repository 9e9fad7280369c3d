"""Finds the rows of a query, in their order, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, aggregate_order_by
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import JSON

from teleclaude.db.search.lexemes import BEYOND, Lookup, to_lookup
from teleclaude.db.search.match import matches
from teleclaude.db.search.query import Query, QueryError, Term, find_terms, parse_query

_PAGE = 100
"""How many candidates are compared at a time."""
_MOST_BYTES = 1 << 20
"""How much text is read at a time; a longer text is read alone."""

_Words = dict[str, list[str]]


@dataclass(frozen=True)
class Searchable:
    """A table with a full-text index: the columns in it, and what PostgreSQL's index is over."""

    table: sa.Table
    columns: tuple[str, ...]
    function: str
    fallback: tuple[str, ...]
    """The columns in which the literal text is looked for, where it is no query."""

    @property
    def vector(self) -> sa.ColumnElement[Any]:
        """The expression of PostgreSQL's index."""
        made: sa.ColumnElement[Any] = getattr(sa.func, self.function)(*(self.table.c[name] for name in self.columns))
        return made


@dataclass(frozen=True)
class Asked:
    """A query, the candidates in their order, and how many rows are wanted."""

    text: str
    candidates: sa.Select[int]
    limit: int


async def find_ids(connection: AsyncConnection, place: Searchable, asked: Asked) -> list[int]:
    """Return the ids of the rows that are found, in their order."""
    if connection.dialect.name == "sqlite":
        return await _find_on_sqlite(connection, place, asked)
    # PostgreSQL has no NUL in its texts; one in the source is stored as its symbol.
    text = asked.text.replace("\0", "\u2400").encode("utf-8", "replace").decode()
    try:
        query = parse_query(text, place.columns)
    except QueryError:
        return await _read(connection, asked, _is_like(place, text, "postgresql"))
    lookup = to_lookup(query)
    return [] if lookup is None else await _find_on_postgresql(connection, place, asked, query, lookup)


async def _find_on_sqlite(connection: AsyncConnection, place: Searchable, asked: Asked) -> list[int]:
    index = sa.table(f"{place.table.name}_fts", sa.column("rowid", sa.Integer))
    found = sa.select(index.c.rowid).where(sa.column(index.name).op("MATCH")(asked.text))
    try:
        return await _read(connection, asked, place.table.c.id.in_(found))
    except DBAPIError:
        # The full-text index is missing or damaged, or does not understand the query.
        return await _read(connection, asked, _is_like(place, asked.text, "sqlite"))


async def _read(connection: AsyncConnection, asked: Asked, condition: sa.ColumnElement[bool]) -> list[int]:
    return list(await connection.scalars(asked.candidates.where(condition).limit(asked.limit)))


async def _find_on_postgresql(
    connection: AsyncConnection, place: Searchable, asked: Asked, query: Query, lookup: Lookup
) -> list[int]:
    is_beyond = place.vector.op("@@")(_tsquery(f"'{BEYOND}'"))
    beyond = set(await connection.scalars(sa.select(place.table.c.id).where(is_beyond)))
    found: list[int] = []
    is_candidate = place.vector.op("@@")(_tsquery(f"{lookup.tsquery} | '{BEYOND}'"))
    async with connection.stream_scalars(asked.candidates.where(is_candidate)) as rows:
        async for page in rows.partitions(_PAGE):
            doubtful = [id_ for id_ in page if id_ in beyond or not lookup.exact]
            wrong = await _find_wrong(connection, place, doubtful, query)
            found += [id_ for id_ in page if id_ not in wrong]
            if len(found) >= asked.limit:
                break
    return found[: asked.limit]


async def _find_wrong(
    connection: AsyncConnection, place: Searchable, ids: Sequence[int], query: Query
) -> frozenset[int]:
    wrong = []
    for part in await _divide(connection, place, ids):
        for id_, spellings in await _read_words(connection, place, part, query):
            # Long texts take time; others are answered meanwhile.
            await asyncio.sleep(0)
            if not any(matches(query, words) for words in spellings):
                wrong.append(id_)
    return frozenset(wrong)


async def _divide(connection: AsyncConnection, place: Searchable, ids: Sequence[int]) -> list[list[int]]:
    """Return the ids in groups whose texts fit in memory together."""
    if not ids:
        return []
    columns = [place.table.c[name] for name in place.columns]
    sizes = (
        sa.func.pg_column_size(found) if isinstance(found.type, JSON) else sa.func.octet_length(found)
        for found in columns
    )
    size = sum((sa.func.coalesce(each, 0) for each in sizes), start=sa.literal(0))
    groups: list[list[int]] = []
    room = 0
    for id_, needed in await connection.execute(sa.select(place.table.c.id, size).where(place.table.c.id.in_(ids))):
        if not groups or needed > room:
            groups.append([])
            room = _MOST_BYTES
        groups[-1].append(id_)
        room -= needed
    return groups


async def _read_words(
    connection: AsyncConnection, place: Searchable, ids: Sequence[int], query: Query
) -> list[tuple[int, list[_Words]]]:
    """Return the words of rows by column, in their order, once for each spelling of their JSON.

    A word that is no term of the query is an empty text.
    """
    terms = tuple(dict.fromkeys(find_terms(query)))
    escaped = _escaped(place, place.columns)
    texts = (*(_to_text(place, name) for name in place.columns), *escaped.values())
    words = (_keep_asked(sa.func.search_words(sa.func.coalesce(text, "")), terms) for text in texts)
    rows = await connection.execute(sa.select(place.table.c.id, *words).where(place.table.c.id.in_(ids)))
    return [(id_, _spell((*place.columns, *escaped), found)) for id_, *found in rows]


def _spell(names: Sequence[str], found: Sequence[str | None]) -> list[_Words]:
    """Return the words by column; where a name comes again with words, that spelling as well."""
    first: _Words = {}
    second: _Words = {}
    for name, said in zip(names, found, strict=True):
        if name not in first:
            first[name] = [] if said is None else said.split(" ")
        elif said is not None:
            second[name] = said.split(" ")
    return [first, first | second] if second else [first]


def _keep_asked(words: sa.ColumnElement[Any], terms: Sequence[Term]) -> sa.ColumnElement[Any]:
    """Return an array of words as one text; only the terms of the query are kept between the spaces."""
    each = sa.func.unnest(words).table_valued("word", with_ordinality="place").render_derived(name="each")
    whole = [term.word for term in terms if not term.prefix]
    beginnings = (sa.func.starts_with(each.c.word, term.word) for term in terms if term.prefix)
    asked = sa.or_(each.c.word == sa.any_(sa.cast(whole, ARRAY(sa.Text))), *beginnings)
    kept = sa.case((asked, each.c.word), else_="")
    return sa.select(sa.func.string_agg(kept, aggregate_order_by(sa.literal(" "), each.c.place))).scalar_subquery()


def _tsquery(text: str) -> sa.ColumnElement[Any]:
    return sa.cast(sa.cast(sa.literal(text), sa.Text), TSQUERY)


def _to_text(place: Searchable, name: str) -> sa.ColumnElement[Any]:
    """Return a column as a full-text index sees it: JSON as text."""
    found = place.table.c[name]
    return sa.cast(found, sa.Text) if isinstance(found.type, JSON) else found


def _escaped(place: Searchable, names: Sequence[str]) -> dict[str, sa.ColumnElement[Any]]:
    """Return PostgreSQL's expression for those columns that hold JSON, as the single-user program wrote it."""
    found = {name: place.table.c[name] for name in names}
    return {name: sa.func.search_escaped(json) for name, json in found.items() if isinstance(json.type, JSON)}


def _is_like(place: Searchable, text: str, dialect: str) -> sa.ColumnElement[bool]:
    """Return whether a row contains the text, by SQLite's LIKE: % and _ are wildcards, ASCII case does not count."""
    pattern = f"%{text}%"
    columns = [_to_text(place, name) for name in place.fallback]
    if dialect == "sqlite":
        return sa.or_(*(found.like(pattern) for found in columns))
    columns += _escaped(place, place.fallback).values()
    # With this collation lower() changes ASCII only; no character escapes another.
    folded = sa.func.lower(sa.literal(pattern).collate("C"))
    return sa.or_(*(sa.func.lower(found.collate("C")).like(folded, escape="") for found in columns))
