"""Sessions: list, read, create, change, close. What an administrator does to somebody else's is noted."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from teleclaude.daemon.identity import Role
from teleclaude.daemon.route import EVERYONE, RESIDENTS, Answer, Call, Input, Name, Route
from teleclaude.db.models import Session
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

LONGEST_PAGE = 5000

COLUMNS = {
    "computer": "computer_name",
    "status": "lifecycle_status",
    "last_input": "last_message_sent",
}
"""Fields that the database calls otherwise."""

MOMENTS = {"last_input": "last_message_sent_at", "last_output_summary": "last_output_at"}
"""Fields that bring the moment of their change with them."""


class SessionAnswer(Answer):
    """A session, in the fields of the single-user daemon (facts: daemon, sessions over the API)."""

    session_id: str
    last_input_origin: str
    title: str | None
    project_path: str | None
    subdir: str | None
    thinking_mode: str | None
    active_agent: str | None
    status: str | None
    created_at: str | None
    last_activity: str | None
    closed_at: str | None
    last_input: str | None
    last_input_at: str | None
    last_output_summary: str | None
    last_output_summary_at: str | None
    last_output_digest: str | None
    native_session_id: str | None
    tmux_session_name: str | None
    initiator_session_id: str | None
    computer: str
    human_email: str | None
    human_role: str | None
    visibility: str
    session_metadata: dict[str, Any] | None


ANSWERED = (
    Session.session_id,
    Session.last_input_origin,
    Session.title,
    Session.project_path,
    Session.subdir,
    Session.thinking_mode,
    Session.active_agent,
    Session.lifecycle_status,
    Session.created_at,
    Session.last_activity,
    Session.closed_at,
    Session.last_message_sent,
    Session.last_message_sent_at,
    Session.last_output_summary,
    Session.last_output_raw,
    Session.last_output_at,
    Session.last_output_digest,
    Session.native_session_id,
    Session.tmux_session_name,
    Session.initiator_session_id,
    Session.computer_name,
    Session.human_email,
    Session.human_role,
    Session.visibility,
    Session.session_metadata,
)
"""The columns that an answer is made of."""


class WantedSessions(Input):
    """Which sessions are listed: the open ones, unless `closed`; of the calling session, unless `all`; or a page."""

    closed: bool = False
    all: bool = False
    computer: Name | None = None
    job: Name | None = None
    limit: int | None = Field(None, ge=1, le=LONGEST_PAGE)
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


async def get_sessions(call: Call[WantedSessions]) -> list[SessionAnswer]:
    """List the sessions that the caller may read, the one that was active last first."""
    given = call.given
    if given.after is not None:
        # After one that is not there nothing would come, which reads as the end.
        await look_up(call, given.after)
    initiator = None if given.all else call.session_id
    wanted = SessionFilter(given.closed, given.computer, given.job, initiator, given.limit, given.offset, given.after)
    found = await list_sessions(call.orm, ANSWERED, wanted, call.viewer)
    await note(call, "list_session", [row.session_id for row in found if not row.own])
    return [to_answer(row) for row in found]


async def get_session(call: Call[OneSession]) -> SessionAnswer:
    """Read a session."""
    seen = await look_up(call, call.given.session_id)
    await note(call, "read_session", seen.others)
    return to_answer(seen.session)


async def post_session(call: Call[NewSession]) -> SessionAnswer:
    """Create a session that is the caller's; its terminal is the caller's business."""
    given, caller = call.given, call.caller
    values = to_columns(given.model_dump(exclude={"computer", "title"}))
    computer = given.computer or call.service.settings.computer.name
    values |= {"computer_name": computer, "title": given.title or f"[{computer}] Untitled"}
    values |= {"owner_person": caller.person, "owner_uid": caller.uid, "adapter_metadata": {}}
    email = call.viewer.email or caller.email
    values |= {"human_email": email, "human_role": str(caller.role), "principal": email and f"human:{email}"}
    try:
        return to_answer(await create_session(call.orm, values))
    except IntegrityError:
        raise RequestError(409, f"there is a session {given.session_id}", "leave session_id out to get one") from None


async def patch_session(call: Call[ChangedSession]) -> SessionAnswer:
    """Change what is named of a session of the caller's."""
    seen = await look_up_to_change(call, call.given.session_id)
    named = call.given.model_dump(exclude_unset=True, exclude={"session_id"})
    values = to_columns({name: value for name, value in named.items() if not (value is None and name in REQUIRED)})
    values |= {MOMENTS[name]: datetime.now(UTC) for name in named if name in MOMENTS}
    await update_session(call.orm, seen.session, values)
    await note(call, "update_session", seen.others)
    return to_answer(seen.session)


REQUIRED = {"status", "visibility"}
"""What a session always has: null leaves it as it is."""


async def delete_session(call: Call[OneSession]) -> SessionAnswer:
    """Close a session of the caller's and revoke its tokens; nothing is deleted."""
    seen = await look_up_to_change(call, call.given.session_id)
    await close_session(call.orm, seen.session)
    await note(call, "close_session", seen.others)
    return to_answer(seen.session)


async def look_up(call: Call[Any], session_id: str) -> Seen:
    """Return a session that the caller may read; raises RequestError (404), the same where it may not."""
    seen = await find_session(call.orm, session_id, call.viewer)
    if seen is None:
        raise RequestError(404, f"there is no session {session_id}", "teleclaude sessions --closed lists all of yours")
    return seen


async def look_up_to_change(call: Call[Any], session_id: str) -> Seen:
    """Return a session that the caller may change; raises RequestError (404, 403)."""
    seen = await look_up(call, session_id)
    if not (seen.own or call.caller.role is Role.ADMIN):
        raise RequestError(403, f"the session {session_id} is somebody else's", "ask its owner, or an administrator")
    return seen


async def note(call: Call[Any], action: str, others: list[str]) -> None:
    """Note what an administrator does to sessions that are somebody else's."""
    if call.viewer.sees_all and call.service.audited:
        await write_audit(call.orm, call.caller.person, action, others)


def to_columns(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a request under the names of the columns."""
    return {COLUMNS.get(name, name): value for name, value in fields.items()}


def to_answer(session: Session | Row[*tuple[Any, ...]]) -> SessionAnswer:
    """Return a session, or what is `ANSWERED` of it, in the fields of the API."""
    metadata = session.session_metadata
    return SessionAnswer(
        session_id=session.session_id,
        last_input_origin=session.last_input_origin,
        title=session.title,
        project_path=session.project_path,
        subdir=session.subdir,
        thinking_mode=session.thinking_mode,
        active_agent=session.active_agent,
        status=session.lifecycle_status,
        created_at=to_iso(session.created_at),
        last_activity=to_iso(session.last_activity),
        closed_at=to_iso(session.closed_at),
        last_input=session.last_message_sent,
        last_input_at=to_iso(session.last_message_sent_at),
        last_output_summary=session.last_output_summary or session.last_output_raw,
        last_output_summary_at=to_iso(session.last_output_at),
        last_output_digest=session.last_output_digest,
        native_session_id=session.native_session_id,
        tmux_session_name=session.tmux_session_name,
        initiator_session_id=session.initiator_session_id,
        computer=session.computer_name,
        human_email=session.human_email,
        human_role=session.human_role,
        visibility=session.visibility or "private",
        session_metadata=metadata if isinstance(metadata, dict) else None,
    )


def to_iso(moment: datetime | None) -> str | None:
    """Return a moment as ISO 8601 in UTC with its offset."""
    return None if moment is None else moment.astimezone(UTC).isoformat()


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "/sessions", EVERYONE, WantedSessions, list[SessionAnswer], get_sessions),
    Route("POST", "/sessions", RESIDENTS, NewSession, SessionAnswer, post_session, 201),
    Route("GET", "/sessions/{session_id}", EVERYONE, OneSession, SessionAnswer, get_session),
    Route("PATCH", "/sessions/{session_id}", RESIDENTS, ChangedSession, SessionAnswer, patch_session),
    Route("DELETE", "/sessions/{session_id}", RESIDENTS, OneSession, SessionAnswer, delete_session),
)
