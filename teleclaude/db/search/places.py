"""The tables that can be searched, by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.search.memory import MEMORY
from teleclaude.db.search.mirrors import MIRRORS
from teleclaude.db.search.rows import Asked, Searchable, find_ids

PLACES = {place.table.name: place for place in (MEMORY, MIRRORS)}

_REACH = 2000
MOST = 1000
"""So many rows are enough to compare two databases."""


@dataclass(frozen=True)
class Search:
    """A table, and a query in the language of FTS5."""

    table: str
    text: str
    around: int | None = None
    """Where it is given, only the rows whose ids are at most `_REACH` away from it are looked at."""


async def find_all(connection: AsyncConnection, searches: Iterable[Search]) -> list[list[int]]:
    """Return the ids that each search finds, in ascending order, the first `MOST` of them."""
    found = []
    for search in searches:
        place = PLACES[search.table]
        asked = Asked(search.text, _candidates(place, search.around), MOST)
        found.append(await find_ids(connection, place, asked))
    return found


def _candidates(place: Searchable, around: int | None) -> Select[int]:
    ids = place.table.c.id
    every = select(ids).order_by(ids)
    if around is None:
        return every
    return every.where(ids.between(max(around - _REACH, -(2**63)), min(around + _REACH, 2**63 - 1)))
