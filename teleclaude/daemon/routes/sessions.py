"""Sessions: list, read, create, change, close. What an administrator does to somebody else's is noted."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy.exc import IntegrityError

from teleclaude.daemon.identity import Role
from teleclaude.daemon.route import EVERYONE, RESIDENTS, Call, Input, Name, Route
from teleclaude.daemon.routes.session_answer import ANSWERED, SessionAnswer, answer_session, to_answer
from teleclaude.db.store.audit import write_audit
from teleclaude.db.store.sessions import (
    Seen,
    SessionFilter,
    close_session,
    create_session,
    find_session,
    list_sessions,
    update_session,
)
from teleclaude.errors import RequestError

_LONGEST_PAGE = 5000

_COLUMNS = {
    "computer": "computer_name",
    "status": "lifecycle_status",
    "last_input": "last_message_sent",
}
"""Fields that the database calls otherwise."""

_MOMENTS = {"last_input": "last_message_sent_at", "last_output_summary": "last_output_at"}
"""Fields that bring the moment of their change with them."""


class WantedSessions(Input):
    """Which sessions are listed: the open ones, unless `closed`; of the calling session, unless `all`; or a page."""

    closed: bool = False
    all: bool = False
    computer: Name | None = None
    job: Name | None = None
    limit: int | None = Field(None, ge=1, le=_LONGEST_PAGE)
    offset: int = Field(0, ge=0)
    after: Name | None = Field(None, description="The id of the last session of the page before.")


class OneSession(Input):
    """A session by its id."""

    session_id: Name


class Described(Input):
    """What can be said of a session when it is created, and later."""

    title: str | None = None
    project_path: str | None = None
    subdir: str | None = None
    description: str | None = None
    thinking_mode: Name | None = None
    active_agent: Name | None = None
    tmux_session_name: str | None = None
    native_session_id: Name | None = None
    native_log_file: str | None = None
    working_slug: str | None = None
    session_metadata: dict[str, Any] | None = None


class NewSession(Described):
    """A session that begins; without an id it gets one. Its owner is the caller."""

    session_id: Name = Field(default_factory=lambda: str(uuid.uuid4()))
    computer: Name | None = None
    last_input_origin: Name = "api"
    initiator_session_id: Name | None = None
    status: Literal["active", "headless", "initializing"] = "active"
    visibility: Literal["private", "shared"] = "private"


class ChangedSession(Described, OneSession):
    """What changes of a session; what is not named stays."""

    status: Literal["active", "headless", "initializing", "closing"] | None = None
    visibility: Literal["private", "shared"] | None = None
    last_input: str | None = None
    last_output_summary: str | None = None
    last_output_digest: str | None = None


async def _get_sessions(call: Call[WantedSessions]) -> list[SessionAnswer]:
    """List the sessions that the caller may read, the one that was active last first."""
    given = call.given
    if given.after is not None:
        # After one that is not there nothing would come, which reads as the end.
        await _look_up(call, given.after)
    initiator = None if given.all else call.session_id
    wanted = SessionFilter(given.closed, given.computer, given.job, initiator, given.limit, given.offset, given.after)
    found = await list_sessions(call.orm, ANSWERED, wanted, call.viewer)
    await note(call, "list_session", [row["session_id"] for row in found if not row["own"]])
    return [to_answer(row) for row in found]


async def _get_session(call: Call[OneSession]) -> SessionAnswer:
    """Read a session."""
    seen = await _look_up(call, call.given.session_id)
    await note(call, "read_session", seen.others)
    return answer_session(seen.session)


async def _post_session(call: Call[NewSession]) -> SessionAnswer:
    """Create a session that is the caller's; its terminal is the caller's business."""
    given, caller = call.given, call.caller
    values = _to_columns(given.model_dump(exclude={"computer", "title"}))
    computer = given.computer or call.service.settings.computer.name
    values |= {"computer_name": computer, "title": given.title or f"[{computer}] Untitled"}
    values |= {"owner_person": caller.person, "owner_uid": caller.uid, "adapter_metadata": {}}
    email = call.viewer.email or caller.email
    values |= {"human_email": email, "human_role": str(caller.role), "principal": email and f"human:{email}"}
    try:
        return answer_session(await create_session(call.orm, values))
    except IntegrityError:
        raise RequestError(409, f"there is a session {given.session_id}", "leave session_id out to get one") from None


async def _patch_session(call: Call[ChangedSession]) -> SessionAnswer:
    """Change what is named of a session of the caller's."""
    seen = await look_up_to_change(call, call.given.session_id)
    named = call.given.model_dump(exclude_unset=True, exclude={"session_id"})
    values = _to_columns({name: value for name, value in named.items() if not (value is None and name in _REQUIRED)})
    values |= {_MOMENTS[name]: datetime.now(UTC) for name in named if name in _MOMENTS}
    await update_session(call.orm, seen.session, values)
    await note(call, "update_session", seen.others)
    return answer_session(seen.session)


_REQUIRED = {"status", "visibility"}
"""What a session always has: null leaves it as it is."""


async def _delete_session(call: Call[OneSession]) -> SessionAnswer:
    """Close a session of the caller's and revoke its tokens; nothing is deleted."""
    seen = await look_up_to_change(call, call.given.session_id)
    await close_session(call.orm, seen.session)
    await note(call, "close_session", seen.others)
    return answer_session(seen.session)


async def _look_up(call: Call[Any], session_id: str) -> Seen:
    """Return a session that the caller may read; raises RequestError (404), the same where it may not."""
    seen = await find_session(call.orm, session_id, call.viewer)
    if seen is None:
        raise RequestError(404, f"there is no session {session_id}", "teleclaude sessions --closed lists all of yours")
    return seen


async def look_up_to_change(call: Call[Any], session_id: str) -> Seen:
    """Return a session that the caller may change; raises RequestError (404, 403)."""
    seen = await _look_up(call, session_id)
    if not (seen.own or call.caller.role is Role.ADMIN):
        raise RequestError(403, f"the session {session_id} is somebody else's", "ask its owner, or an administrator")
    return seen


async def note(call: Call[Any], action: str, others: list[str]) -> None:
    """Note what an administrator does to sessions that are somebody else's."""
    if call.viewer.sees_all and call.service.audited:
        await write_audit(call.orm, call.caller.person, action, others)


def _to_columns(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a request under the names of the columns."""
    return {_COLUMNS.get(name, name): value for name, value in fields.items()}


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "/sessions", EVERYONE, WantedSessions, list[SessionAnswer], _get_sessions),
    Route("POST", "/sessions", RESIDENTS, NewSession, SessionAnswer, _post_session, 201),
    Route("GET", "/sessions/{session_id}", EVERYONE, OneSession, SessionAnswer, _get_session),
    Route("PATCH", "/sessions/{session_id}", RESIDENTS, ChangedSession, SessionAnswer, _patch_session),
    Route("DELETE", "/sessions/{session_id}", RESIDENTS, OneSession, SessionAnswer, _delete_session),
)
