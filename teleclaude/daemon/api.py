"""What the daemon answers, over a Unix socket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.db.models import Session
from teleclaude.db.store import SessionFilter, list_sessions

ENGINE: web.AppKey[AsyncEngine] = web.AppKey("engine", AsyncEngine)


def make_app(engine: AsyncEngine) -> web.Application:
    """Return the application that answers from the database of `engine`."""
    app = web.Application()
    app[ENGINE] = engine
    app.add_routes([web.get("/health", get_health), web.get("/sessions", get_sessions)])
    return app


async def get_health(_request: web.Request) -> web.Response:
    """Say that the daemon is there."""
    return web.json_response({"status": "ok"})


async def get_sessions(request: web.Request) -> web.Response:
    """List sessions as the single-user daemon does (facts: daemon, sessions over the API)."""
    query = request.query
    wanted = SessionFilter(
        closed=is_true(query.get("closed")),
        computer=query.get("computer"),
        job=query.get("job"),
        initiator=None if is_true(query.get("all")) else request.headers.get("X-Caller-Session-Id"),
    )
    sessions = await list_sessions(request.app[ENGINE], wanted)
    return web.json_response([to_answer(session) for session in sessions])


def is_true(value: str | None) -> bool:
    """Whether a query parameter says yes."""
    return (value or "").lower() in {"1", "true", "yes", "on"}


def to_answer(session: Session) -> dict[str, Any]:
    """Return a session in the fields of the API."""
    metadata = session.session_metadata
    return {
        "session_id": session.session_id,
        "last_input_origin": session.last_input_origin,
        "title": session.title,
        "project_path": session.project_path,
        "subdir": session.subdir,
        "thinking_mode": session.thinking_mode,
        "active_agent": session.active_agent,
        "status": session.lifecycle_status,
        "created_at": to_iso(session.created_at),
        "last_activity": to_iso(session.last_activity),
        "closed_at": to_iso(session.closed_at),
        "last_input": session.last_message_sent,
        "last_input_at": to_iso(session.last_message_sent_at),
        "last_output_summary": session.last_output_summary or session.last_output_raw,
        "last_output_summary_at": to_iso(session.last_output_at),
        "last_output_digest": session.last_output_digest,
        "native_session_id": session.native_session_id,
        "tmux_session_name": session.tmux_session_name,
        "initiator_session_id": session.initiator_session_id,
        "computer": session.computer_name,
        "human_email": session.human_email,
        "human_role": session.human_role,
        "visibility": session.visibility or "private",
        "session_metadata": metadata if isinstance(metadata, dict) else None,
    }


def to_iso(moment: datetime | None) -> str | None:
    """Return a moment as ISO 8601 in UTC with its offset."""
    return None if moment is None else moment.astimezone(UTC).isoformat()
