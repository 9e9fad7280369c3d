"""What the installation remembers, and the conversations of its sessions.

Memory has no owner: all staff may read it, newcomers and customers may not. Of the conversations a caller finds those
of the sessions that it may read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from sqlalchemy import select

from teleclaude.daemon import problems, recollection
from teleclaude.daemon.route import (
    ADMINS,
    EVERYONE,
    STAFF,
    Answer,
    Call,
    Input,
    Moment,
    Name,
    Part,
    Route,
    RowNumber,
    Text,
    Texts,
)
from teleclaude.db.models import MemoryObservation, Mirror, Session
from teleclaude.db.search.places import MemorySearch, MirrorSearch, search_memory, search_mirrors
from teleclaude.db.store.audit import write_audit
from teleclaude.db.store.lengths import find_fitting
from teleclaude.db.store.memory import (
    delete_observation,
    find_timeline,
    read_newest,
    read_observations,
    save_observation,
)
from teleclaude.db.store.viewers import is_own, is_visible
from teleclaude.errors import RequestError

_TITLE_LENGTH = 80

_TOPIC_WORDS = 12
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
    cut: list[str] = Field([], description="The fields that are not whole here; POST /api/memory/batch has them whole.")


class Forgotten(Observation):
    """An observation that was forgotten."""

    deleted: int = Field(validation_alias="id")


class _NewObservation(Input):
    """Something to remember; without a title, it has the beginning of its text."""

    text: Annotated[Text, Field(min_length=1)]
    title: Name | None = None
    type: Literal["preference", "decision", "discovery", "gotcha", "pattern", "friction", "context"] = "discovery"
    project: Name = "teleclaude"
    facts: Texts | None = None
    concepts: Texts | None = None
    identity_key: Name | None = None


class _Searched(Input):
    """A query in the language of FTS5, and where to look."""

    query: _Words
    project: Name | None = None
    type: Name | None = None
    identity_key: Name | None = None
    limit: _Limit = 20


class _Around(Input):
    """An observation, and how many before and after it, of all projects or of one."""

    anchor: RowNumber
    depth_before: Annotated[int, Field(ge=0, le=1000)] = 3
    depth_after: Annotated[int, Field(ge=0, le=1000)] = 3
    project: Name | None = None


class _Numbers(Input):
    """Observations by their numbers."""

    ids: Annotated[list[RowNumber], Field(max_length=1000)]


class _OfProject(Input):
    """The project that an agent works on: the last part of its directory."""

    projects: Name
    identity_key: Name | None = None


class _OneObservation(Input):
    """An observation by its number."""

    id: RowNumber


async def _post_save(call: Call[_NewObservation]) -> MemoryObservation:
    """Remember something about a project."""
    given = call.given
    title = given.title or given.text.strip().partition("\n")[0][:_TITLE_LENGTH]
    values = given.model_dump(exclude={"text"}) | {"title": title, "narrative": given.text}
    return await save_observation(call.orm, values)


async def _get_search(call: Call[_Searched]) -> Part:
    """Search what is remembered, the newest first; a text that is no query is searched as plain text."""
    given = call.given
    wanted = MemorySearch(given.query, given.project, given.type, given.identity_key, given.limit)
    return await _read(call, call.place or await search_memory(call.orm, wanted))


async def _get_timeline(call: Call[_Around]) -> Part:
    """List what was remembered before and after an observation, the oldest first; nothing where it is not there."""
    given = call.given
    around = (given.anchor, given.depth_before, given.depth_after, given.project)
    return await _read(call, call.place or await find_timeline(call.orm, *around))


async def _post_batch(call: Call[_Numbers]) -> Part:
    """Read observations by their numbers, in that order and whole; those that are not there are left out."""
    return await _read(call, call.place or list(dict.fromkeys(call.given.ids)), whole=True)


async def _read(call: Call[Any], ids: Sequence[int], *, whole: bool = False) -> Part:
    """Return a part of these observations."""
    found, later = await read_observations(call.orm, ids, call.room, whole=whole)
    return Part(found, later or None)


async def _delete_memory(call: Call[_OneObservation]) -> Mapping[str, Any]:
    """Forget an observation for good; the answer is the last that is seen of it."""
    found, _ = await read_observations(call.orm, [call.given.id], call.room, whole=True)
    if not (found and await delete_observation(call.orm, call.given.id)):
        raise RequestError(404, problems.NO_OBSERVATION.fill(number=call.given.id))
    return found[0]


async def _get_inject(call: Call[_OfProject]) -> str:
    """Read what is known of a project as Markdown, for an agent that begins; empty where nothing is."""
    project, key = call.given.projects, call.given.identity_key
    observations = await read_newest(call.orm, recollection.OBSERVED, project, recollection.OBSERVATIONS, key)
    summaries = await read_newest(call.orm, recollection.SUMMARIZED, project, recollection.SUMMARIES)
    return recollection.make_page(project, observations, summaries, datetime.now(UTC))


class MirrorAnswer(Answer):
    """A conversation that was found, with the words around the first that was looked for."""

    id: int
    session_id: str
    title: str
    project: str
    agent: str
    computer: str
    timestamp: Moment
    sort_timestamp: Moment
    """The moment by which the conversations are sorted: that of its begin, else of its last change."""
    timestamp_end: Moment
    message_count: int
    topic: str
    """A few words around the first that was looked for."""


class _SearchedMirrors(Input):
    """Words that a conversation holds, all of them."""

    q: _Words
    agent: Name | None = Field(None, description="The name of an agent, or all.")
    computer: Name | None = None
    limit: _Limit = 20


async def _get_mirrors(call: Call[_SearchedMirrors]) -> Part:
    """Search the conversations of the sessions that the caller may read, the newest first."""
    given, viewer = call.given, call.viewer
    # A conversation whose session is not there is nobody's: administrators find it.
    visible = None if viewer.sees_all else select(Session.session_id).where(is_visible(viewer))
    agent = None if given.agent == "all" else given.agent
    wanted = MirrorSearch(given.q, agent, given.computer, visible, given.limit)
    ids = call.place or await search_mirrors(call.orm, wanted)
    now, later = await find_fitting(call.orm, (Mirror.id, Mirror.conversation_text), ids, call.room)
    found = {row.id: row for row in await call.orm.scalars(select(Mirror).where(Mirror.id.in_(now)))}
    if viewer.sees_all and not viewer.owns_all and call.service.audited:
        sessions = {row.session_id for row in found.values()}
        mine = select(Session.session_id).where(is_own(viewer), Session.session_id.in_(sessions))
        own = set(await call.orm.scalars(mine))
        others = (found[id_].session_id for id_ in now if found[id_].session_id not in own)
        await write_audit(call.orm, call.caller.person, "search_mirror", others)
    return Part([_to_answer(found[id_], given.q) for id_ in now], later or None)


def _to_answer(row: Mirror, query: str) -> MirrorAnswer:
    columns = {name: getattr(row, name) for name in MirrorAnswer.model_fields if hasattr(row, name)}
    moment = row.timestamp_start or row.updated_at
    said = {"timestamp": moment, "sort_timestamp": moment, "topic": _make_topic(row.conversation_text, query)}
    return MirrorAnswer.model_validate({**columns, **said})


def _make_topic(text: str, query: str) -> str:
    """Return a few words of a text: around the first word of the query that it holds as it is written, or the first."""
    folded = text.casefold()
    places = (folded.find(word.casefold()) for word in query.split())
    place = next((place for place in places if place >= 0), 0)
    before = text[max(0, place - 200) : place].split()
    return " ".join([*before, *text[place : place + 2000].split()][max(0, len(before) - 2) :][:_TOPIC_WORDS])


ROUTES: tuple[Route[Any], ...] = (
    Route("POST", "/api/memory/save", STAFF, _NewObservation, Observation, _post_save, 201),
    Route("GET", "/api/memory/search", STAFF, _Searched, list[Observation], _get_search),
    Route("GET", "/api/memory/timeline", STAFF, _Around, list[Observation], _get_timeline),
    Route("POST", "/api/memory/batch", STAFF, _Numbers, list[Observation], _post_batch),
    Route("GET", "/api/memory/inject", STAFF, _OfProject, str, _get_inject),
    Route("DELETE", "/api/memory/{id}", ADMINS, _OneObservation, Forgotten, _delete_memory),
    Route("GET", "/api/mirrors/search", EVERYONE, _SearchedMirrors, list[MirrorAnswer], _get_mirrors),
)
