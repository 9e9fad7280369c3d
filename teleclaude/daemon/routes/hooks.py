"""Events of agents' hooks: stored before they are acknowledged, delivered later by `outbox`."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from teleclaude.daemon.route import RESIDENTS, Answer, Call, Input, Name, Route
from teleclaude.daemon.routes.sessions import look_up_to_change, note
from teleclaude.db.models import HookOutbox
from teleclaude.db.store.hooks import add_event


class _NewEvent(Input):
    """What happened in a session; the payload is what the agent's hook was given."""

    session_id: Name
    event_type: Name
    payload: dict[str, Any] = Field(default_factory=dict)


class Kept(Answer):
    """The number under which an event is kept."""

    id: int


async def _post_hook(call: Call[_NewEvent]) -> HookOutbox:
    """Keep an event of a session of the caller's; it is on disk when this is answered."""
    seen = await look_up_to_change(call, call.given.session_id)
    await note(call, "hook_session", seen.others)
    return await add_event(call.orm, call.given.model_dump())


ROUTES: tuple[Route[Any], ...] = (Route("POST", "/hooks", RESIDENTS, _NewEvent, Kept, _post_hook, 202),)
