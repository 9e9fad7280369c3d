"""Sessions: list, read, create, change, close.

What an administrator does to a session of another is noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy.exc import IntegrityError

from teleclaude.daemon import problems
from teleclaude.daemon.identity import Role
from teleclaude.daemon.route import EVERYONE, RESIDENTS, Call, Part, Route
from teleclaude.daemon.routes import session_fields as fields
from teleclaude.db.models import Session
from teleclaude.db.store import sessions as store
from teleclaude.db.store.audit import write_audit
from teleclaude.db.store.lengths import PART
from teleclaude.errors import RequestError

_MOMENTS = {"last_message_sent": "last_message_sent_at", "last_output_summary": "last_output_at"}
"""Columns whose change also sets the column of its moment."""

_REQUIRED = {"lifecycle_status", "visibility"}
"""Columns that a session always has: null leaves them as they are."""


MOST_SESSIONS = 1000
"""The most open sessions of an account that were made here; what a migration brought is not counted."""


async def _get_sessions(call: Call[fields.WantedSessions]) -> Part:
    """List the sessions that the caller may read, the one that was active last first."""
    given = call.given
    begin = call.place or await _find_begin(call)
    computer = call.service.settings.computer.name if given.computer == "local" else given.computer
    every = store.SessionFilter(
        closed=given.closed, computer=computer, job=given.job, initiator=None if given.all else call.session_id
    )
    if call.place is None:
        await _note_listing(call, every)
    wanted = replace(every, offset=given.offset if call.place is None else 0)
    most = PART if begin.left is None else min(PART, begin.left)
    reach = store.Reach(begin.after, most, call.room)
    found = await store.list_sessions(call.orm, fields.ANSWERED, wanted, call.viewer, reach)
    left = None if begin.left is None else begin.left - len(found.sessions)
    place = None if found.last is None or left == 0 else _Begin(found.last, left)
    return Part([seen.columns for seen in found.sessions], place)


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


@dataclass(frozen=True)
class _Begin:
    """Where a part of a list begins: after this place; and how many sessions are left of the page, None means all."""

    after: store.Place | None
    left: int | None


async def _find_begin(call: Call[fields.WantedSessions]) -> _Begin:
    """Return where the answer begins; raises RequestError (404).

    Nothing comes after a session that is not there, which would read as the end of the list.
    """
    after, limit = call.given.after, call.given.limit
    if after is None:
        return _Begin(None, limit)
    place = await store.find_place(call.orm, after, call.viewer)
    if place is None:
        raise RequestError(404, problems.NO_SESSION.fill(session_id=after))
    return _Begin(place, limit)


async def _get_session(call: Call[fields.OneSession]) -> Mapping[str, Any]:
    """Read a session, whole."""
    seen = await _look_up(call, call.given.session_id)
    await _note(call, "read_session", seen.others)
    if not seen.columns["cut"]:
        return seen.columns
    return await store.read_whole(call.orm, fields.ANSWERED, call.given.session_id, call.room)


async def _post_session(call: Call[fields.NewSession]) -> Mapping[str, Any]:
    """Create a session that is the caller's; its terminal is the caller's business."""
    given = call.given
    if "session_id" in given.model_fields_set and not call.viewer.sees_all:
        # Whether an id is taken tells of a session that the caller may not see.
        raise RequestError(403, problems.ID_NOT_YOURS_TO_CHOOSE)
    await create_own_session(call, given)
    return (await _look_up(call, given.session_id)).columns


async def create_own_session(call: Call[Any], new: fields.NewSession) -> None:
    """Create a session that is the caller's; raises RequestError (409, 400)."""
    await _refuse_one_too_many(call)
    caller = call.caller
    values = new.model_dump(by_alias=True, exclude={"computer", "title"})
    computer = new.computer or call.service.settings.computer.name
    values |= {"computer_name": computer, "title": new.title or f"[{computer}] Untitled"}
    values |= {"owner_person": caller.person, "owner_uid": caller.uid, "adapter_metadata": {}}
    email = call.viewer.email or caller.email
    values |= {"human_email": email, "human_role": str(caller.role), "principal": email and f"human:{email}"}
    try:
        await store.create_session(call.orm, values)
    except IntegrityError:
        raise RequestError(409, problems.SESSION_EXISTS.fill(session_id=new.session_id)) from None


async def _refuse_one_too_many(call: Call[Any]) -> None:
    """Raise RequestError (400) where an account has as many open sessions as it may; the one user may have any."""
    caller = call.caller
    made = await store.count_made(call.orm, caller.person, caller.uid, MOST_SESSIONS)
    if made >= MOST_SESSIONS and not call.service.single_user:
        raise RequestError(400, problems.TOO_MANY_SESSIONS.fill(most=MOST_SESSIONS))


async def _patch_session(call: Call[fields.ChangedSession]) -> Mapping[str, Any]:
    """Change what is named of a session of the caller's."""
    session_id = call.given.session_id
    seen = await _look_up_to_change(call, session_id)
    named = call.given.model_dump(by_alias=True, exclude_unset=True, exclude={"session_id"})
    values = {name: value for name, value in named.items() if not (value is None and name in _REQUIRED)}
    values |= {_MOMENTS[name]: datetime.now(UTC) for name in named if name in _MOMENTS}
    await store.update_session(call.orm, session_id, values)
    await _note(call, "update_session", seen.others)
    return (await _look_up(call, session_id)).columns


async def _delete_session(call: Call[fields.OneSession]) -> Mapping[str, Any]:
    """Close a session of the caller's and revoke its tokens; nothing is deleted."""
    session_id = call.given.session_id
    seen = await _look_up_to_change(call, session_id)
    await store.close_session(call.orm, session_id)
    await _note(call, "close_session", seen.others)
    return (await _look_up(call, session_id)).columns


async def _look_up(call: Call[Any], session_id: str, columns: store.Columns = fields.ANSWERED) -> store.Seen:
    """Return a session that the caller may read; raises RequestError (404), the same where it may not."""
    seen = await store.find_session(call.orm, columns, session_id, call.viewer)
    if seen is None:
        raise RequestError(404, problems.NO_SESSION.fill(session_id=session_id))
    return seen


async def _look_up_to_change(call: Call[Any], session_id: str) -> store.Seen:
    """Return a session that the caller may change; raises RequestError (404, 403)."""
    seen = await _look_up(call, session_id, (Session.session_id,))
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
)
