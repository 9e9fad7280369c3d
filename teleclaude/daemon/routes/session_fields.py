"""The fields of a session: those that the API answers, those that a caller sends, and their columns."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from sqlalchemy import RowMapping

from teleclaude.daemon.route import Answer, Input, Moment, Name
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
    # Where the column has another name, that is the alias.
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

    @model_validator(mode="before")
    @classmethod
    def summarize(cls, session: Session | RowMapping) -> dict[str, Any]:
        """Return the columns of a session; without a summary, the summary is the last output."""
        columns = dict(session) if isinstance(session, RowMapping) else vars(session)
        return {**columns, "last_output_summary": columns["last_output_summary"] or columns["last_output_raw"]}


_LONGEST_PAGE = 5000

ANSWERED = (
    *(getattr(Session, str(field.validation_alias or name)) for name, field in SessionAnswer.model_fields.items()),
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


class _Described(Input):
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


class NewSession(_Described):
    """A session that begins; without an id it gets one. Its owner is the caller."""

    session_id: Name = Field(default_factory=lambda: str(uuid.uuid4()))
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
    last_input: str | None = Field(None, serialization_alias="last_message_sent")
    last_output_summary: str | None = None
    last_output_digest: str | None = None
