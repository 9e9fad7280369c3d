"""Tables of the installation as a whole: settings, availability, the audit log, migration runs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, true
from sqlalchemy.orm import Mapped, mapped_column

from teleclaude.db.types import NOW, NUMBERED, Document, Key, Model, RowId


class SystemSetting(Model):
    """A key and its value, such as the id of a bot's message."""

    __tablename__ = "system_settings"

    key: Mapped[Key] = mapped_column(primary_key=True)
    value: Mapped[str]
    updated_at: Mapped[datetime | None] = mapped_column(server_default=NOW)


class AgentAvailability(Model):
    """Whether an agent can be used now, and if not, until when and why."""

    __tablename__ = "agent_availability"

    agent: Mapped[Key] = mapped_column(primary_key=True)
    available: Mapped[bool | None] = mapped_column(server_default=true())
    unavailable_until: Mapped[datetime | None]
    degraded_until: Mapped[datetime | None]
    reason: Mapped[str | None]


class AuditLog(Model):
    """Who did or saw what of somebody else's; rows are only added."""

    __tablename__ = "audit_log"

    id: Mapped[RowId]
    actor_person: Mapped[str]
    action_type: Mapped[str]
    target_session_id: Mapped[Key | None]
    timestamp: Mapped[datetime] = mapped_column(server_default=NOW)
    detail: Mapped[Document | None]

    __table_args__ = (
        Index("idx_audit_log_session", "target_session_id"),
        Index("idx_audit_log_timestamp", "timestamp"),
        NUMBERED,
    )


class MigrationRun(Model):
    """A migration into this database; no daemon serves while it is `pending`, so that an undo erases no new row."""

    __tablename__ = "migration_runs"

    run_id: Mapped[Key] = mapped_column(primary_key=True)
    state: Mapped[str]
    source: Mapped[str]
    source_sha256: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=NOW)
    finished_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("state IN ('pending', 'complete')", name="state"),)
