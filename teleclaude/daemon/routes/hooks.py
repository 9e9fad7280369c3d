"""Events of the agents' hooks: each is kept for a session of the caller's own account, and `outbox` delivers it later.

Which session that is: facts, hooks. An administrator, too, reports events of own sessions alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from pydantic import AwareDatetime, Field

from teleclaude.daemon import problems
from teleclaude.daemon.route import RESIDENTS, Answer, Call, Input, Name, Route
from teleclaude.daemon.routes.session_fields import NewSession
from teleclaude.daemon.routes.sessions import create_own_session
from teleclaude.db.models import Session
from teleclaude.db.store.hooks import add_event, find_event
from teleclaude.db.store.idle import reopen_idle
from teleclaude.db.store.sessions import find_native_session, find_session
from teleclaude.errors import RequestError

_KNOWN_BY = (Session.session_id, Session.closed_at, Session.native_session_id, Session.active_agent)


class _NewEvent(Input):
    """What happened in a session; the payload is what the agent gave to its hook."""

    session_id: Name | None = Field(None, description="The session of the terminal, where the hook knows it.")
    agent: Name | None = None
    native_session_id: Name | None = Field(None, description="The id by which the agent knows its session.")
    cwd: str | None = None
    event_type: Name
    event_id: Name | None = Field(None, description="Of an event with the same id, one is kept.")
    received_at: AwareDatetime | None = None
    payload: dict[str, Any] = Field(default_factory=dict)


class Kept(Answer):
    """The number under which an event is kept; null where it belongs to no session and was dropped."""

    id: int | None = None


async def _post_hook(call: Call[_NewEvent]) -> Kept:
    """Keep an event of a session of the caller's own account, once; it is on disk when this is answered."""
    given = call.given
    if (known := await find_event(call.orm, given.event_id)) is not None:
        return Kept(id=known)
    session_id = await _find_session_id(call)
    if session_id is None:
        return Kept()
    values = {"session_id": session_id, "event_type": given.event_type, "payload": _to_payload(given)}
    made = await add_event(call.orm, {**values, "event_id": given.event_id}, given.received_at)
    if made is None:
        # The same event was kept just now, by a request that was slower than its sender.
        await call.orm.rollback()
        made = await find_event(call.orm, given.event_id)
    return Kept(id=made)


def _to_payload(given: _NewEvent) -> dict[str, Any]:
    """Return the payload with what the single-user program added to it."""
    added = {"agent_name": given.agent, "native_session_id": given.native_session_id, "cwd": given.cwd}
    added["native_log_file"] = _log_file(given)
    added["received_at"] = given.received_at.astimezone(UTC).isoformat() if given.received_at else None
    return given.payload | {name: value for name, value in added.items() if value is not None}


def _log_file(given: _NewEvent) -> str | None:
    path = given.payload.get("transcript_path")
    return path if isinstance(path, str) and given.native_session_id else None


async def _find_session_id(call: Call[_NewEvent]) -> str | None:
    """Return the session that an event belongs to, None where it is dropped; raises RequestError (404)."""
    given = call.given
    named = await find_session(call.orm, _KNOWN_BY, given.session_id, call.viewer) if given.session_id else None
    if named is not None and named.own and _takes(named.columns, given) and await _is_open(call, named.columns):
        return given.session_id
    if given.native_session_id is not None:
        native = (given.native_session_id, given.agent)
        if (found := await find_native_session(call.orm, *native, call.viewer)) is not None:
            await reopen_idle(call.orm, found)
            return found
    if given.session_id is None:
        return await _create_headless(call) if _begins_session(given) else None
    if named is None or not named.own:
        raise RequestError(404, problems.NO_SESSION.fill(session_id=given.session_id))
    return None


def _takes(session: Mapping[str, Any], given: _NewEvent) -> bool:
    """Whether a session is not that of another agent, which ran in the same terminal."""
    natives = (session["native_session_id"], given.native_session_id)
    other = None not in natives and natives[0] != natives[1]
    agents = (session["active_agent"], given.agent)
    return not (other and None not in agents and agents[0] != agents[1])


async def _is_open(call: Call[_NewEvent], session: Mapping[str, Any]) -> bool:
    """Whether a session is open, or is now, because the daemon alone had closed it."""
    return session["closed_at"] is None or await reopen_idle(call.orm, session["session_id"])


def _begins_session(given: _NewEvent) -> bool:
    """Whether an event outside a terminal of ours makes a session. Codex tells of no beginning."""
    begins = ("session_start", "agent_stop") if given.agent == "codex" else ("session_start",)
    return given.event_type in begins and None not in (given.agent, given.native_session_id)


async def _create_headless(call: Call[_NewEvent]) -> str:
    given = call.given
    new = NewSession(
        status="headless",
        project_path=given.cwd,
        active_agent=given.agent,
        native_session_id=given.native_session_id,
        native_log_file=_log_file(given),
        last_input_origin="hook",
    )
    await create_own_session(call, new)
    return new.session_id


ROUTES: tuple[Route[Any], ...] = (Route("POST", "/hooks", RESIDENTS, _NewEvent, Kept, _post_hook, 202, apart=True),)
