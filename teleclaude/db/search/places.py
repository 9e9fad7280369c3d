"""What can be searched, by the name of its table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.search.memory import MEMORY
from teleclaude.db.search.mirrors import MIRRORS
from teleclaude.db.search.rows import Asked, find_ids

PLACES = {place.table.name: place for place in (MEMORY, MIRRORS)}

MOST = 1000
"""So many rows are enough to compare two databases by."""


@dataclass(frozen=True)
class Search:
    """A table, and a query in the language of FTS5."""

    table: str
    text: str


async def find_all(connection: AsyncConnection, searches: Iterable[Search]) -> list[list[int]]:
    """Return the ids that each search finds, in ascending order, the first `MOST` of them."""
    found = []
    for search in searches:
        place = PLACES[search.table]
        asked = Asked(search.text, select(place.table.c.id).order_by(place.table.c.id), MOST)
        found.append(await find_ids(connection, place, asked))
    return found
