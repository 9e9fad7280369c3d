"""The tables that can be searched: what TeleClaude remembers, and conversations (facts: daemon, Memory, Mirrors)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import MemoryObservation, Mirror, Model
from teleclaude.db.search.rows import Asked, Searchable, find_ids

_MEMORY = Searchable(
    table=Model.metadata.tables["memory_observations"],
    columns=("title", "subtitle", "narrative", "facts", "concepts"),
    function="search_memory",
    fallback=("title", "narrative", "facts"),
)
_MIRRORS = Searchable(
    table=Model.metadata.tables["mirrors"],
    columns=("title", "conversation_text"),
    function="search_mirror",
    fallback=("title", "conversation_text"),
)
PLACES = {place.table.name: place for place in (_MEMORY, _MIRRORS)}

_REACH = 2000
MOST = 1000
"""So many rows are enough to compare two databases."""


@dataclass(frozen=True)
class MemorySearch:
    """A query in the language of FTS5, and the filters of the observations."""

    text: str
    project: str | None = None
    type: str | None = None
    identity_key: str | None = None
    limit: int = 20


async def search_memory(orm: Orm, wanted: MemorySearch) -> Sequence[int]:
    """Return the numbers of the observations that the query finds, the newest first.

    Of a text that FTS5 does not understand, the literal text is looked for.
    """
    observation = MemoryObservation
    equal = {"project": wanted.project, "type": wanted.type}
    candidates = select(observation.id).filter_by(**_given(equal))
    if wanted.identity_key is not None:
        mine = observation.identity_key == wanted.identity_key
        candidates = candidates.where(or_(observation.identity_key.is_(None), mine))
    newest_first = candidates.order_by(observation.created_at_epoch.desc(), observation.id)
    return await find_ids(await orm.connection(), _MEMORY, Asked(wanted.text, newest_first, wanted.limit))


@dataclass(frozen=True)
class MirrorSearch:
    """Words that a conversation holds, and the filters of the conversations."""

    text: str
    agent: str | None = None
    computer: str | None = None
    sessions: Select[str] | None = None
    """The sessions whose conversations may be found; None means all."""
    limit: int = 20


async def search_mirrors(orm: Orm, wanted: MirrorSearch) -> Sequence[int]:
    """Return the numbers of the conversations that hold all words, the newest first."""
    # Each word is quoted, so that no character has a meaning.
    query = " AND ".join('"' + word.replace('"', '""') + '"' for word in wanted.text.split())
    if not query:
        return ()
    when = func.coalesce(Mirror.timestamp_start, Mirror.updated_at)
    equal = {"agent": wanted.agent, "computer": wanted.computer}
    candidates = select(Mirror.id).filter_by(**_given(equal)).order_by(when.desc(), Mirror.id)
    if wanted.sessions is not None:
        candidates = candidates.where(Mirror.session_id.in_(wanted.sessions))
    return await find_ids(await orm.connection(), _MIRRORS, Asked(query, candidates, wanted.limit))


def _given(filters: dict[str, str | None]) -> dict[str, str]:
    return {column: value for column, value in filters.items() if value is not None}


@dataclass(frozen=True)
class Search:
    """A table, and a query in the language of FTS5."""

    table: str
    text: str
    around: int | None = None
    """Where it is given, only the rows whose ids are at most `_REACH` away from it are looked at."""


async def find_all(connection: AsyncConnection, searches: Iterable[Search]) -> list[list[int]]:
    """Return the ids that each search finds, in ascending order, the first `MOST` of them."""
    asked = ((PLACES[search.table], search) for search in searches)
    return [
        await find_ids(connection, place, Asked(search.text, _candidates(place, search.around), MOST))
        for place, search in asked
    ]


def _candidates(place: Searchable, around: int | None) -> Select[int]:
    ids = place.table.c.id
    every = select(ids).order_by(ids)
    if around is None:
        return every
    return every.where(ids.between(max(around - _REACH, -(2**63)), min(around + _REACH, 2**63 - 1)))
