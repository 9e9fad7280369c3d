"""Search in the texts of conversations (facts: daemon, Mirrors search)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import Mirror, Model
from teleclaude.db.search.rows import Asked, Searchable, find_ids

MIRRORS = Searchable(
    table=Model.metadata.tables["mirrors"],
    columns=("title", "conversation_text"),
    function="search_mirror",
    fallback=("title", "conversation_text"),
)


@dataclass(frozen=True)
class MirrorSearch:
    """Words that a conversation holds, and the filters of the conversations."""

    text: str
    agent: str | None = None
    computer: str | None = None
    sessions: Select[str] | None = None
    """The sessions whose conversations may be found; None means all."""
    limit: int = 20


def _to_query(text: str) -> str:
    """Return the query for all words of a text; each is quoted, so that no character has a meaning."""
    return " AND ".join('"' + word.replace('"', '""') + '"' for word in text.split())


async def search_mirrors(orm: Orm, wanted: MirrorSearch) -> Sequence[Mirror]:
    """Return the conversations that hold all words, the newest first."""
    query = _to_query(wanted.text)
    if not query:
        return ()
    when = func.coalesce(Mirror.timestamp_start, Mirror.updated_at)
    candidates = select(Mirror.id).order_by(when.desc(), Mirror.id)
    if wanted.agent is not None:
        candidates = candidates.where(Mirror.agent == wanted.agent)
    if wanted.computer is not None:
        candidates = candidates.where(Mirror.computer == wanted.computer)
    if wanted.sessions is not None:
        candidates = candidates.where(Mirror.session_id.in_(wanted.sessions))
    ids = await find_ids(await orm.connection(), MIRRORS, Asked(query, candidates, wanted.limit))
    found = {row.id: row for row in await orm.scalars(select(Mirror).where(Mirror.id.in_(ids)))}
    return [found[id_] for id_ in ids]
