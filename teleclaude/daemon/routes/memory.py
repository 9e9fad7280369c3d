"""What the installation remembers, and the conversations of its sessions.

Memory has no owner: all staff may read it, newcomers and customers may not. Of the conversations a caller finds those
of the sessions that it may read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from sqlalchemy import select

from teleclaude.daemon import problems
from teleclaude.daemon.route import ADMINS, EVERYONE, STAFF, Answer, Call, Input, Moment, Name, Route, RowNumber
from teleclaude.db.models import MemoryObservation, Mirror, Session
from teleclaude.db.search.places import MemorySearch, MirrorSearch, search_memory, search_mirrors
from teleclaude.db.store.audit import write_audit
from teleclaude.db.store.memory import delete_observation, read_observations, read_timeline, save_observation
from teleclaude.db.store.viewers import is_own, is_visible
from teleclaude.errors import RequestError

_TITLE_LENGTH = 80

_SNIPPET_WORDS = 12
"""As many as the single-user daemon showed (facts: daemon, Mirrors search)."""

_Limit = Annotated[int, Field(ge=1, le=1000)]
_Words = Annotated[str, Field(min_length=1, max_length=1000)]


def _to_list(facts: Any) -> list[Any]:
    return facts if isinstance(facts, list) else [] if facts is None else [facts]


class Observation(Answer):
    """One thing learned (facts: daemon, Memory)."""

    id: int
    title: str | None
    subtitle: str | None
    type: str
    project: str
    narrative: str | None
    facts: Annotated[list[Any], BeforeValidator(_to_list)]
    created_at: Moment
    created_at_epoch: int


class _NewObservation(Input):
    """Something to remember; without a title, it has the beginning of its text."""

    text: Annotated[str, Field(min_length=1)]
    title: Name | None = None
    type: Literal["preference", "decision", "discovery", "gotcha", "pattern", "friction", "context"] = "discovery"
    project: Name = "teleclaude"
    facts: list[str] | None = None
    concepts: list[str] | None = None
    identity_key: Name | None = None


class _Searched(Input):
    """A query in the language of FTS5, and where to look."""

    query: _Words
    project: Name | None = None
    type: Name | None = None
    identity_key: Name | None = None
    limit: _Limit = 20


class _Around(Input):
    """An observation, and how many before and after it."""

    anchor: RowNumber
    before: Annotated[int, Field(ge=0, le=1000)] = 10
    after: Annotated[int, Field(ge=0, le=1000)] = 10


class _Numbers(Input):
    """Observations by their numbers."""

    ids: Annotated[list[RowNumber], Field(max_length=1000)]


class _OneObservation(Input):
    """An observation by its number."""

    id: RowNumber


async def _post_save(call: Call[_NewObservation]) -> MemoryObservation:
    """Remember something about a project."""
    given = call.given
    title = given.title or given.text.strip().partition("\n")[0][:_TITLE_LENGTH]
    values = given.model_dump(exclude={"text"}) | {"title": title, "narrative": given.text}
    return await save_observation(call.orm, values)


async def _get_search(call: Call[_Searched]) -> Sequence[MemoryObservation]:
    """Search what is remembered, the newest first; a text that is no query is searched as plain text."""
    given = call.given
    wanted = MemorySearch(given.query, given.project, given.type, given.identity_key, given.limit)
    return await search_memory(call.orm, wanted)


async def _get_timeline(call: Call[_Around]) -> Sequence[MemoryObservation]:
    """List what was remembered of a project before and after an observation, the oldest first."""
    anchor = await _find(call, call.given.anchor)
    return await read_timeline(call.orm, anchor, call.given.before, call.given.after)


async def _post_batch(call: Call[_Numbers]) -> Sequence[MemoryObservation]:
    """Read observations by their numbers, in that order; those that are not there are left out."""
    return await read_observations(call.orm, call.given.ids)


async def _delete_memory(call: Call[_OneObservation]) -> Observation:
    """Forget an observation for good; the answer is the last that is seen of it."""
    found = Observation.model_validate(await _find(call, call.given.id))
    if not await delete_observation(call.orm, call.given.id):
        raise RequestError(404, problems.NO_OBSERVATION.fill(number=call.given.id))
    return found


async def _find(call: Call[Any], number: int) -> MemoryObservation:
    """Return an observation; raises RequestError (404)."""
    for found in await read_observations(call.orm, [number]):
        return found
    raise RequestError(404, problems.NO_OBSERVATION.fill(number=number))


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

    query: _Words
    agent: Name | None = None
    computer: Name | None = None
    limit: _Limit = 20


async def _get_mirrors(call: Call[_SearchedMirrors]) -> list[MirrorAnswer]:
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
    Route("POST", "/api/memory/save", STAFF, _NewObservation, Observation, _post_save, 201),
    Route("GET", "/api/memory/search", STAFF, _Searched, list[Observation], _get_search),
    Route("GET", "/api/memory/timeline", STAFF, _Around, list[Observation], _get_timeline),
    Route("POST", "/api/memory/batch", STAFF, _Numbers, list[Observation], _post_batch),
    Route("DELETE", "/api/memory/{id}", ADMINS, _OneObservation, Observation, _delete_memory),
    Route("GET", "/api/mirrors/search", EVERYONE, _SearchedMirrors, list[MirrorAnswer], _get_mirrors),
)
