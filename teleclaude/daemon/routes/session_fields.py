"""The fields of a session: those that the API answers, those that a caller sends, and their columns."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from teleclaude.daemon.route import Answer, Document, Input, Moment, Name, Text
from teleclaude.db.models import Session


class SessionAnswer(Answer):
    """A session, in the fields of the single-user daemon (facts: daemon, sessions over the API)."""

    session_id: str
    last_input_origin: str
    title: Annotated[str, BeforeValidator(lambda said: said or "")]
    project_path: str | None
    subdir: str | None
    thinking_mode: Annotated[str, BeforeValidator(lambda said: said or "slow")]
    active_agent: str | None
    # Where the column has another name, that is the alias.
    status: Annotated[str, BeforeValidator(lambda said: said or "active")] = Field(validation_alias="lifecycle_status")
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

    cut: list[str] = Field(description="The fields that are not whole here; GET /sessions/{session_id} has them whole.")

    @model_validator(mode="before")
    @classmethod
    def summarize(cls, session: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns of a session; without a summary, the summary is the last output."""
        summary = "last_output_summary" if session["last_output_summary"] else "last_output_raw"
        cut = [_FIELDS[name] for name in session.get("cut", ()) if name in _FIELDS and name != "last_output_summary"]
        cut += ["last_output_summary"] if summary in session.get("cut", ()) else []
        return {**session, "last_output_summary": session[summary], "cut": cut}


_FIELDS = {str(field.validation_alias or name): name for name, field in SessionAnswer.model_fields.items()}
"""The fields by their columns."""

_LONGEST_PAGE = 5000

ANSWERED = (
    *(getattr(Session, column) for column in _FIELDS if column != "cut"),
    Session.last_output_raw,
)
"""The columns that an answer is made of."""


class WantedSessions(Input):
    """Which sessions are listed: the open ones, unless `closed`; of the calling session, unless `all`; or a page."""

    closed: bool = False
    all: bool = False
    computer: Name | None = None
    job: Name | None = None
    limit: int | None = Field(None, ge=1, le=_LONGEST_PAGE)
    offset: int = Field(0, ge=0)
    after: Name | None = Field(None, description="The id of the last session of the page before.")
    cursor: str | None = Field(None, description="What the header X-Cursor of the first page said.")


class OneSession(Input):
    """A session by its id."""

    session_id: Name


Title = Annotated[str, Field(max_length=500)]


class _Described(Input):
    """What can be said of a session when it is created, and later."""

    title: Title | None = None
    project_path: Text | None = None
    subdir: Text | None = None
    description: Text | None = None
    thinking_mode: Name | None = None
    active_agent: Name | None = None
    tmux_session_name: Text | None = None
    native_session_id: Name | None = None
    native_log_file: Text | None = None
    working_slug: Text | None = None
    session_metadata: Document | None = None


class NewSession(_Described):
    """A session that begins; its owner is the caller."""

    session_id: Name = Field(
        default_factory=lambda: str(uuid.uuid4()), description="Sent by administrators alone; else the daemon makes it."
    )
    computer: Name | None = None
    last_input_origin: Name = "api"
    initiator_session_id: Name | None = None
    status: Literal["active", "headless", "initializing"] = Field("active", serialization_alias="lifecycle_status")
    visibility: Literal["private", "shared"] = "private"


class ChangedSession(_Described, OneSession):
    """What changes of a session; what is not named stays."""

    status: Literal["active", "headless", "initializing", "closing"] | None = Field(
        None, serialization_alias="lifecycle_status"
    )
    visibility: Literal["private", "shared"] | None = None
    last_input: Text | None = Field(None, serialization_alias="last_message_sent")
    last_output_summary: Text | None = None
    last_output_digest: Text | None = None
