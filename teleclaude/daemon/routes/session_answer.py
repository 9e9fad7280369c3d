"""A session as the API tells it (facts: daemon, sessions over the API), and the columns that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from teleclaude.daemon.route import Answer, to_iso
from teleclaude.db.models import Session


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


def answer_session(session: Session) -> SessionAnswer:
    """Return a session in the fields of the API."""
    return to_answer({column.key: getattr(session, column.key) for column in ANSWERED})


def to_answer(session: Mapping[str, Any] | RowMapping) -> SessionAnswer:
    """Return the columns that are `ANSWERED` of a session, by their names, in the fields of the API."""
    metadata = session["session_metadata"]
    return SessionAnswer(
        session_id=session["session_id"],
        last_input_origin=session["last_input_origin"],
        title=session["title"],
        project_path=session["project_path"],
        subdir=session["subdir"],
        thinking_mode=session["thinking_mode"],
        active_agent=session["active_agent"],
        status=session["lifecycle_status"],
        created_at=to_iso(session["created_at"]),
        last_activity=to_iso(session["last_activity"]),
        closed_at=to_iso(session["closed_at"]),
        last_input=session["last_message_sent"],
        last_input_at=to_iso(session["last_message_sent_at"]),
        last_output_summary=session["last_output_summary"] or session["last_output_raw"],
        last_output_summary_at=to_iso(session["last_output_at"]),
        last_output_digest=session["last_output_digest"],
        native_session_id=session["native_session_id"],
        tmux_session_name=session["tmux_session_name"],
        initiator_session_id=session["initiator_session_id"],
        computer=session["computer_name"],
        human_email=session["human_email"],
        human_role=session["human_role"],
        visibility=session["visibility"] or "private",
        session_metadata=metadata if isinstance(metadata, dict) else None,
    )
