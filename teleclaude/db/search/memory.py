"""Search in what TeleClaude remembers (facts: daemon, Memory)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import MemoryObservation, Model
from teleclaude.db.search.rows import Asked, Searchable, find_ids
from teleclaude.db.store.memory import read_observations

MEMORY = Searchable(
    table=Model.metadata.tables["memory_observations"],
    columns=("title", "subtitle", "narrative", "facts", "concepts"),
    function="search_memory",
    fallback=("title", "narrative", "facts"),
)


@dataclass(frozen=True)
class MemorySearch:
    """A query in the language of FTS5, and the filters of the observations."""

    text: str
    project: str | None = None
    type: str | None = None
    identity_key: str | None = None
    limit: int = 20


async def search_memory(orm: Orm, wanted: MemorySearch) -> Sequence[MemoryObservation]:
    """Return the observations that the query finds, the newest first.

    Of a text that FTS5 does not understand, the literal text is looked for.
    """
    observation = MemoryObservation
    candidates = select(observation.id).order_by(observation.created_at_epoch.desc(), observation.id)
    if wanted.project is not None:
        candidates = candidates.where(observation.project == wanted.project)
    if wanted.type is not None:
        candidates = candidates.where(observation.type == wanted.type)
    if wanted.identity_key is not None:
        mine = observation.identity_key == wanted.identity_key
        candidates = candidates.where(or_(observation.identity_key.is_(None), mine))
    ids = await find_ids(await orm.connection(), MEMORY, Asked(wanted.text, candidates, wanted.limit))
    return await read_observations(orm, ids)
