"""Sessions: list, read, create, change, close, and keep events of their agents' hooks, which `outbox` delivers later.

What an administrator does to a session of another is noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import Field
from sqlalchemy import RowMapping
from sqlalchemy.exc import IntegrityError

from teleclaude.daemon import problems
from teleclaude.daemon.identity import Role
from teleclaude.daemon.route import EVERYONE, RESIDENTS, Answer, Call, Name, Route
from teleclaude.daemon.routes import session_fields as fields
from teleclaude.db.models import HookOutbox, Session
from teleclaude.db.store import sessions as store
from teleclaude.db.store.audit import write_audit
from teleclaude.db.store.hooks import add_event
from teleclaude.db.store.idle import reopen_idle
from teleclaude.errors import RequestError

_MOMENTS = {"last_message_sent": "last_message_sent_at", "last_output_summary": "last_output_at"}
"""Columns whose change also sets the column of its moment."""

_REQUIRED = {"lifecycle_status", "visibility"}
"""Columns that a session always has: null leaves them as they are."""


class _NewEvent(fields.OneSession):
    """What happened in a session; the payload is what the agent's hook was given."""

    event_type: Name
    payload: dict[str, Any] = Field(default_factory=dict)


class Kept(Answer):
    """The number under which an event is kept."""

    id: int


async def _get_sessions(call: Call[fields.WantedSessions]) -> Sequence[RowMapping]:
    """List the sessions that the caller may read, the one that was active last first."""
    given = call.given
    if given.after is not None:
        # Nothing comes after a session that is not there, which would read as the end of the list.
        await _look_up(call, given.after)
    initiator = None if given.all else call.session_id
    wanted = store.SessionFilter(**given.model_dump(exclude={"all", "cursor"}), initiator=initiator)
    await _note_listing(call, replace(wanted, limit=None, offset=0, after=None))
    return await store.list_sessions(call.orm, fields.ANSWERED, wanted, call.viewer)


async def _note_listing(call: Call[fields.WantedSessions], wanted: store.SessionFilter) -> None:
    """Note of how many of whose sessions an administrator reads a list: once, with its first page."""
    given, caller, listings = call.given, call.caller, call.service.listings
    if not call.viewer.sees_all or call.viewer.owns_all or not call.service.audited:
        return
    listing = repr((caller.uid, caller.person, wanted))
    is_later = given.after is not None or given.offset > 0
    if not (is_later and listings.is_noted(listing, given.cursor)):
        count = partial(store.count_others, call.orm, wanted, call.viewer)
        call.headers["X-Cursor"] = await listings.note(call.orm, caller.person, listing, count)


async def _get_session(call: Call[fields.OneSession]) -> Session:
    """Read a session."""
    seen = await _look_up(call, call.given.session_id)
    await _note(call, "read_session", seen.others)
    return seen.session


async def _post_session(call: Call[fields.NewSession]) -> Session:
    """Create a session that is the caller's; its terminal is the caller's business."""
    given, caller = call.given, call.caller
    values = given.model_dump(by_alias=True, exclude={"computer", "title"})
    computer = given.computer or call.service.settings.computer.name
    values |= {"computer_name": computer, "title": given.title or f"[{computer}] Untitled"}
    values |= {"owner_person": caller.person, "owner_uid": caller.uid, "adapter_metadata": {}}
    email = call.viewer.email or caller.email
    values |= {"human_email": email, "human_role": str(caller.role), "principal": email and f"human:{email}"}
    try:
        return await store.create_session(call.orm, values)
    except IntegrityError:
        raise RequestError(409, problems.SESSION_EXISTS.fill(session_id=given.session_id)) from None


async def _patch_session(call: Call[fields.ChangedSession]) -> Session:
    """Change what is named of a session of the caller's."""
    seen = await _look_up_to_change(call, call.given.session_id)
    named = call.given.model_dump(by_alias=True, exclude_unset=True, exclude={"session_id"})
    values = {name: value for name, value in named.items() if not (value is None and name in _REQUIRED)}
    values |= {_MOMENTS[name]: datetime.now(UTC) for name in named if name in _MOMENTS}
    await store.update_session(call.orm, seen.session, values)
    await _note(call, "update_session", seen.others)
    return seen.session


async def _delete_session(call: Call[fields.OneSession]) -> Session:
    """Close a session of the caller's and revoke its tokens; nothing is deleted."""
    seen = await _look_up_to_change(call, call.given.session_id)
    await store.close_session(call.orm, seen.session)
    await _note(call, "close_session", seen.others)
    return seen.session


async def _post_hook(call: Call[_NewEvent]) -> HookOutbox:
    """Keep an event of a session of the caller's; it is on disk when this is answered."""
    seen = await _look_up_to_change(call, call.given.session_id)
    await _note(call, "hook_session", seen.others)
    if seen.session.closed_at is not None:
        await reopen_idle(call.orm, call.given.session_id)
    return await add_event(call.orm, call.given.model_dump())


async def _look_up(call: Call[Any], session_id: str) -> store.Seen:
    """Return a session that the caller may read; raises RequestError (404), the same where it may not."""
    seen = await store.find_session(call.orm, session_id, call.viewer)
    if seen is None:
        raise RequestError(404, problems.NO_SESSION.fill(session_id=session_id))
    return seen


async def _look_up_to_change(call: Call[Any], session_id: str) -> store.Seen:
    """Return a session that the caller may change; raises RequestError (404, 403)."""
    seen = await _look_up(call, session_id)
    if not (seen.own or call.caller.role is Role.ADMIN):
        raise RequestError(403, problems.SESSION_OF_ANOTHER.fill(session_id=session_id))
    return seen


async def _note(call: Call[Any], action: str, others: list[str]) -> None:
    """Note what an administrator does to sessions that are somebody else's."""
    if call.viewer.sees_all and call.service.audited:
        await write_audit(call.orm, call.caller.person, action, others)


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "/sessions", EVERYONE, fields.WantedSessions, list[fields.SessionAnswer], _get_sessions),
    Route("POST", "/sessions", RESIDENTS, fields.NewSession, fields.SessionAnswer, _post_session, 201),
    Route("GET", "/sessions/{session_id}", EVERYONE, fields.OneSession, fields.SessionAnswer, _get_session),
    Route("PATCH", "/sessions/{session_id}", RESIDENTS, fields.ChangedSession, fields.SessionAnswer, _patch_session),
    Route("DELETE", "/sessions/{session_id}", RESIDENTS, fields.OneSession, fields.SessionAnswer, _delete_session),
    Route("POST", "/hooks", RESIDENTS, _NewEvent, Kept, _post_hook, 202),
)
