"""What the installation remembers. Memory has no owner: all staff may read it, newcomers and customers may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from teleclaude.daemon import problems
from teleclaude.daemon.route import ADMINS, STAFF, Answer, Call, Input, Moment, Name, Route, RowNumber
from teleclaude.db.models import MemoryObservation
from teleclaude.db.search.places import MemorySearch, search_memory
from teleclaude.db.store.memory import delete_observation, read_observations, read_timeline, save_observation
from teleclaude.errors import RequestError

_TITLE_LENGTH = 80

Limit = Annotated[int, Field(ge=1, le=1000)]
Words = Annotated[str, Field(min_length=1, max_length=1000)]


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

    query: Words
    project: Name | None = None
    type: Name | None = None
    identity_key: Name | None = None
    limit: Limit = 20


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


ROUTES: tuple[Route[Any], ...] = (
    Route("POST", "/api/memory/save", STAFF, _NewObservation, Observation, _post_save, 201),
    Route("GET", "/api/memory/search", STAFF, _Searched, list[Observation], _get_search),
    Route("GET", "/api/memory/timeline", STAFF, _Around, list[Observation], _get_timeline),
    Route("POST", "/api/memory/batch", STAFF, _Numbers, list[Observation], _post_batch),
    Route("DELETE", "/api/memory/{id}", ADMINS, _OneObservation, Observation, _delete_memory),
)
