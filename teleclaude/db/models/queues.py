"""Queues that survive a restart: hooks, notifications, incoming messages, webhooks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text, true
from sqlalchemy.orm import Mapped, mapped_column

from teleclaude.db.types import NOW, NUMBERED, Document, Key, Model, RowId

WAITING = {
    "hook_outbox": ("delivered_at", "IS NULL"),
    "notification_outbox": ("status", "= 'pending'"),
    "inbound_queue": ("status", "IN ('pending', 'processing', 'failed')"),
    "webhook_outbox": ("status", "= 'pending'"),
}
"""The rows of each queue that a daemon still sends: a column, and its condition in SQL (facts: daemon)."""


class HookOutbox(Model):
    """An event that an agent's hook left for the daemon."""

    __tablename__ = "hook_outbox"

    id: Mapped[RowId]
    session_id: Mapped[Key]
    event_type: Mapped[str]
    payload: Mapped[Document]
    created_at: Mapped[datetime | None] = mapped_column(server_default=NOW)
    next_attempt_at: Mapped[datetime | None] = mapped_column(server_default=NOW)
    attempt_count: Mapped[int | None] = mapped_column(server_default="0")
    last_error: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
    locked_at: Mapped[datetime | None]
    event_id: Mapped[Key | None]
    """Given by the hook, so that an event that is sent again is known; an event of the old program has none."""

    __table_args__ = (
        Index("idx_hook_outbox_pending", "delivered_at", "next_attempt_at"),
        Index(
            "idx_hook_outbox_event",
            "event_id",
            unique=True,
            sqlite_where=text("event_id IS NOT NULL"),
            postgresql_where=text("event_id IS NOT NULL"),
        ),
        NUMBERED,
    )


class NotificationOutbox(Model):
    """A message that waits to be sent to a person."""

    __tablename__ = "notification_outbox"

    id: Mapped[RowId]
    channel: Mapped[str]
    recipient_email: Mapped[str]
    content: Mapped[str]
    file_path: Mapped[str | None]
    delivery_channel: Mapped[str] = mapped_column(server_default="telegram")
    status: Mapped[str] = mapped_column(server_default="pending")
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    attempt_count: Mapped[int | None] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    locked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_notification_outbox_next_attempt_at", "next_attempt_at"),
        Index("idx_notification_outbox_status", "status"),
        NUMBERED,
    )


class InboundQueue(Model):
    """A message from a person that waits for its session."""

    __tablename__ = "inbound_queue"

    id: Mapped[RowId]
    session_id: Mapped[Key]
    origin: Mapped[str]
    message_type: Mapped[str] = mapped_column(server_default="text")
    content: Mapped[str] = mapped_column(server_default="")
    payload_json: Mapped[Document | None]
    actor_id: Mapped[str | None]
    actor_name: Mapped[str | None]
    actor_avatar_url: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="pending")
    created_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]
    attempt_count: Mapped[int] = mapped_column(server_default="0")
    next_retry_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    locked_at: Mapped[datetime | None]
    source_message_id: Mapped[str | None]
    source_channel_id: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("message_type IN ('text', 'voice', 'file')", name="message_type"),
        CheckConstraint("status IN ('pending', 'processing', 'delivered', 'failed', 'expired')", name="status"),
        Index(
            "idx_inbound_queue_source_dedup",
            "origin",
            "source_message_id",
            unique=True,
            sqlite_where=text("source_message_id IS NOT NULL"),
            postgresql_where=text("source_message_id IS NOT NULL"),
        ),
        Index("idx_inbound_queue_session_status", "session_id", "status", "next_retry_at"),
        NUMBERED,
    )


class WebhookContract(Model):
    """A subscription to events; `target.secret` in the document may be a secret."""

    __tablename__ = "webhook_contracts"

    id: Mapped[Key] = mapped_column(primary_key=True)
    contract_json: Mapped[Document]
    active: Mapped[bool] = mapped_column(server_default=true())
    source: Mapped[str] = mapped_column(server_default="api")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (Index("idx_webhook_contracts_active", "active"),)


class WebhookOutbox(Model):
    """A webhook call that waits to be made; its target may hold credentials."""

    __tablename__ = "webhook_outbox"

    id: Mapped[RowId]
    contract_id: Mapped[Key]
    event_json: Mapped[Document]
    target_url: Mapped[str]
    target_secret: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="pending")
    created_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    attempt_count: Mapped[int] = mapped_column(server_default="0")
    next_attempt_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    locked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("idx_webhook_outbox_next_attempt", "next_attempt_at"),
        Index("idx_webhook_outbox_status", "status"),
        NUMBERED,
    )
