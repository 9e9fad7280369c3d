"""Conversations: a caller finds those of the sessions that it may read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from teleclaude.daemon.route import EVERYONE, Answer, Call, Input, Moment, Name, Route
from teleclaude.daemon.routes.memory import Limit, Words
from teleclaude.db.models import Mirror, Session
from teleclaude.db.search.places import MirrorSearch, search_mirrors
from teleclaude.db.store.system import write_audit
from teleclaude.db.store.viewers import is_own, is_visible

_SNIPPET_WORDS = 12
"""As many as the single-user daemon showed (facts: daemon, Mirrors search)."""


class MirrorAnswer(Answer):
    """A conversation that was found, with the words around the first that was looked for."""

    id: int
    session_id: str
    title: str
    project: str
    agent: str
    computer: str
    timestamp_start: Moment
    timestamp_end: Moment
    message_count: int
    snippet: str


class _SearchedMirrors(Input):
    """Words that a conversation holds, all of them."""

    query: Words
    agent: Name | None = None
    computer: Name | None = None
    limit: Limit = 20


async def _get_search(call: Call[_SearchedMirrors]) -> list[MirrorAnswer]:
    """Search the conversations of the sessions that the caller may read, the newest first."""
    given, viewer = call.given, call.viewer
    # A conversation whose session is not there is nobody's: administrators find it.
    visible = None if viewer.sees_all else select(Session.session_id).where(is_visible(viewer))
    wanted = MirrorSearch(given.query, given.agent, given.computer, visible, given.limit)
    found = await search_mirrors(call.orm, wanted)
    if viewer.sees_all and not viewer.owns_all and call.service.audited:
        own = set(await call.orm.scalars(select(Session.session_id).where(is_own(viewer))))
        others = (row.session_id for row in found if row.session_id not in own)
        await write_audit(call.orm, call.caller.person, "search_mirror", others)
    return [_to_answer(row, given.query) for row in found]


def _to_answer(row: Mirror, query: str) -> MirrorAnswer:
    columns = {name: getattr(row, name) for name in MirrorAnswer.model_fields if name != "snippet"}
    return MirrorAnswer(**columns, snippet=_make_snippet(row.conversation_text, query))


def _make_snippet(text: str, query: str) -> str:
    """Return a few words of a text: around the first word of the query that it holds as it is written, or the first."""
    folded = text.casefold()
    places = (folded.find(word.casefold()) for word in query.split())
    place = next((place for place in places if place >= 0), 0)
    before = text[max(0, place - 200) : place].split()
    return " ".join([*before, *text[place : place + 2000].split()][max(0, len(before) - 2) :][:_SNIPPET_WORDS])


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "/api/mirrors/search", EVERYONE, _SearchedMirrors, list[MirrorAnswer], _get_search),
)
