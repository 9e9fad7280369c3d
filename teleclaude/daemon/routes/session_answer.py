"""A session as the API tells it (facts: daemon, sessions over the API), and the columns that it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from sqlalchemy import RowMapping

from teleclaude.daemon.route import Answer, Moment
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
    # What the database calls otherwise has the column as its alias.
    status: str | None = Field(validation_alias="lifecycle_status")
    created_at: Moment
    last_activity: Moment
    closed_at: Moment
    last_input: str | None = Field(validation_alias="last_message_sent")
    last_input_at: Moment = Field(validation_alias="last_message_sent_at")
    last_output_summary: str | None
    last_output_summary_at: Moment = Field(validation_alias="last_output_at")
    last_output_digest: str | None
    native_session_id: str | None
    tmux_session_name: str | None
    initiator_session_id: str | None
    computer: str = Field(validation_alias="computer_name")
    human_email: str | None
    human_role: str | None
    visibility: Annotated[str, BeforeValidator(lambda said: said or "private")]
    session_metadata: Annotated[
        dict[str, Any] | None, BeforeValidator(lambda said: said if isinstance(said, dict) else None)
    ]


ANSWERED = (
    *(getattr(Session, str(field.validation_alias or name)) for name, field in SessionAnswer.model_fields.items()),
    Session.last_output_raw,
)
"""The columns that an answer is made of."""


def answer_session(session: Session) -> SessionAnswer:
    """Return a session in the fields of the API."""
    return to_answer({column.key: getattr(session, column.key) for column in ANSWERED})


def to_answer(session: Mapping[str, Any] | RowMapping) -> SessionAnswer:
    """Return the columns that are `ANSWERED` of a session, by their names, in the fields of the API."""
    summary = session["last_output_summary"] or session["last_output_raw"]
    return SessionAnswer.model_validate({**session, "last_output_summary": summary})
