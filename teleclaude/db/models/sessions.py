"""Sessions and the tables that belong to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from teleclaude.db.types import NOW, NUMBERED, Document, Key, Model, RowId


class Session(Model):
    """One AI terminal session and its owner."""

    __tablename__ = "sessions"

    session_id: Mapped[Key] = mapped_column(primary_key=True)
    computer_name: Mapped[str]
    title: Mapped[str | None]
    tmux_session_name: Mapped[str | None]
    last_input_origin: Mapped[str] = mapped_column(server_default="telegram")
    adapter_metadata: Mapped[Document | None]
    created_at: Mapped[datetime | None] = mapped_column(server_default=NOW)
    last_activity: Mapped[datetime | None] = mapped_column(server_default=NOW)
    closed_at: Mapped[datetime | None]
    terminal_size: Mapped[str | None] = mapped_column(server_default="80x24")
    project_path: Mapped[str | None]
    subdir: Mapped[str | None]
    description: Mapped[str | None]
    initiated_by_ai: Mapped[bool | None] = mapped_column(server_default=false())
    initiator_session_id: Mapped[Key | None]
    output_message_id: Mapped[str | None]
    notification_sent: Mapped[bool | None] = mapped_column(server_default=false())
    native_session_id: Mapped[Key | None]
    native_log_file: Mapped[str | None]
    active_agent: Mapped[str | None]
    thinking_mode: Mapped[str | None]
    tui_log_file: Mapped[str | None]
    tui_capture_started: Mapped[bool | None] = mapped_column(server_default=false())
    last_message_sent: Mapped[str | None]
    last_message_sent_at: Mapped[datetime | None]
    last_output_raw: Mapped[str | None]
    last_output_at: Mapped[datetime | None]
    working_slug: Mapped[str | None]
    lifecycle_status: Mapped[str | None] = mapped_column(server_default="active")
    last_output_summary: Mapped[str | None]
    last_output_digest: Mapped[str | None]
    last_tool_done_at: Mapped[datetime | None]
    last_tool_use_at: Mapped[datetime | None]
    last_checkpoint_at: Mapped[datetime | None]
    human_email: Mapped[str | None]
    human_role: Mapped[str | None]
    last_memory_extraction_at: Mapped[datetime | None]
    help_desk_processed_at: Mapped[datetime | None]
    relay_status: Mapped[str | None]
    relay_discord_channel_id: Mapped[str | None]
    relay_started_at: Mapped[datetime | None]
    char_offset: Mapped[int | None] = mapped_column(server_default="0")
    transcript_files: Mapped[Document | None] = mapped_column(server_default="[]")
    visibility: Mapped[str | None] = mapped_column(server_default="private")
    session_metadata: Mapped[Document | None]
    turn_triggered_by_linked_output: Mapped[bool] = mapped_column(server_default=false())
    principal: Mapped[str | None]
    owner_person: Mapped[str] = mapped_column(server_default="")
    """The name in `people`; empty where a program that knows no owners added the session."""
    owner_uid: Mapped[int] = mapped_column(server_default="-1")
    """The number of the account; -1 where the owner is not known. No account has it."""

    __table_args__ = (
        Index("idx_sessions_computer", "computer_name"),
        Index("idx_sessions_initiator", "initiator_session_id"),
        Index("idx_sessions_native_session_id", "native_session_id"),
        Index("idx_sessions_last_activity", text("last_activity DESC"), "session_id"),
        Index("idx_sessions_lifecycle_status", "lifecycle_status"),
        Index("idx_sessions_closed_at", "closed_at"),
        Index("idx_sessions_owner", "owner_uid"),
    )


class VoiceAssignment(Model):
    """The voice that a session speaks with; `id` is our session id or the agent's, so it references nothing."""

    __tablename__ = "voice_assignments"

    id: Mapped[Key] = mapped_column(primary_key=True)
    service_name: Mapped[str | None]
    voice: Mapped[str | None] = mapped_column(server_default="")
    assigned_at: Mapped[datetime | None] = mapped_column(server_default=NOW)

    __table_args__ = (Index("idx_voice_assignments_assigned_at", "assigned_at"),)


class PendingMessageDeletion(Model):
    """A chat message that is to be removed later."""

    __tablename__ = "pending_message_deletions"

    id: Mapped[RowId]
    session_id: Mapped[Key] = mapped_column(ForeignKey("sessions.session_id", ondelete="CASCADE"))
    message_id: Mapped[str]
    deletion_type: Mapped[str]
    created_at: Mapped[datetime | None] = mapped_column(server_default=NOW)

    __table_args__ = (
        UniqueConstraint("session_id", "message_id", "deletion_type"),
        CheckConstraint("deletion_type IN ('user_input', 'feedback')", name="deletion_type"),
        Index("idx_pending_deletions_session", "session_id"),
        NUMBERED,
    )


class SessionListener(Model):
    """A session that waits for another one."""

    __tablename__ = "session_listeners"

    target_session_id: Mapped[Key] = mapped_column(primary_key=True)
    caller_session_id: Mapped[Key] = mapped_column(primary_key=True)
    caller_tmux_session: Mapped[str]
    registered_at: Mapped[datetime]

    __table_args__ = (Index("idx_session_listeners_caller", "caller_session_id"),)


class SessionToken(Model):
    """A bearer token of an agent session: a secret in clear text."""

    __tablename__ = "session_tokens"

    token: Mapped[Key] = mapped_column(primary_key=True)
    session_id: Mapped[Key] = mapped_column(ForeignKey("sessions.session_id", ondelete="CASCADE"))
    principal: Mapped[str]
    role: Mapped[str]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_session_tokens_expires", "expires_at"),
        Index("idx_session_tokens_session", "session_id"),
    )
