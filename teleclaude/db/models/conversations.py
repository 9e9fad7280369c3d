"""Sessions that talk to each other, and operations that run for a caller."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from teleclaude.db.types import Document, Key, Model

_HAS_REQUEST = text("client_request_id IS NOT NULL")


class ConversationLink(Model):
    """A conversation between sessions."""

    __tablename__ = "conversation_links"

    link_id: Mapped[Key] = mapped_column(primary_key=True)
    mode: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="active")
    created_by_session_id: Mapped[Key]
    metadata_json: Mapped[Document | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("mode IN ('direct_link', 'gathering_link')", name="mode"),
        CheckConstraint("status IN ('active', 'closed')", name="status"),
        Index("idx_conversation_links_status", "status"),
    )


class ConversationLinkMember(Model):
    """A session in a conversation."""

    __tablename__ = "conversation_link_members"

    link_id: Mapped[Key] = mapped_column(ForeignKey("conversation_links.link_id", ondelete="CASCADE"), primary_key=True)
    session_id: Mapped[Key] = mapped_column(primary_key=True)
    participant_name: Mapped[str | None]
    participant_number: Mapped[int | None]
    participant_role: Mapped[str | None]
    computer_name: Mapped[str | None]
    joined_at: Mapped[datetime]

    __table_args__ = (Index("idx_conversation_link_members_session", "session_id"),)


class Operation(Model):
    """Long work that somebody asked for, and its receipt."""

    __tablename__ = "operations"

    operation_id: Mapped[Key] = mapped_column(primary_key=True)
    kind: Mapped[str]
    caller_session_id: Mapped[Key]
    client_request_id: Mapped[str | None]
    cwd: Mapped[str]
    slug: Mapped[str | None]
    payload_json: Mapped[Document]
    state: Mapped[str]
    progress_phase: Mapped[str | None]
    progress_decision: Mapped[str | None]
    progress_reason: Mapped[str | None]
    result_text: Mapped[str | None]
    error_text: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    attempt_count: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'completed', 'failed', 'stale', 'cancelled')", name="state"),
        Index("idx_operations_state_heartbeat", "state", "heartbeat_at"),
        Index("idx_operations_owner_state", "caller_session_id", "kind", "state", text("created_at DESC")),
        Index(
            "idx_operations_request_dedupe",
            "kind",
            "caller_session_id",
            "client_request_id",
            unique=True,
            sqlite_where=_HAS_REQUEST,
            postgresql_where=_HAS_REQUEST,
        ),
    )
