"""What TeleClaude remembers: observations, summaries, mirrors of conversations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from teleclaude.db.types import NUMBERED, Document, Key, Model, RowId


class MemoryObservation(Model):
    """One thing learned in a project."""

    __tablename__ = "memory_observations"

    id: Mapped[RowId]
    memory_session_id: Mapped[Key]
    project: Mapped[str]
    type: Mapped[str]
    title: Mapped[str | None]
    subtitle: Mapped[str | None]
    facts: Mapped[Document | None]
    narrative: Mapped[str | None]
    concepts: Mapped[Document | None]
    files_read: Mapped[Document | None]
    files_modified: Mapped[Document | None]
    prompt_number: Mapped[int | None]
    discovery_tokens: Mapped[int | None] = mapped_column(server_default="0")
    created_at: Mapped[datetime]
    created_at_epoch: Mapped[int]
    identity_key: Mapped[str | None]

    __table_args__ = (
        Index("idx_memory_obs_identity", "project", "identity_key"),
        Index("idx_memory_obs_type", "type"),
        Index("idx_memory_obs_session", "memory_session_id"),
        Index("idx_memory_obs_project", "project", text("created_at_epoch DESC")),
        NUMBERED,
    )


class MemorySummary(Model):
    """A session in a few words; written by an import only."""

    __tablename__ = "memory_summaries"

    id: Mapped[RowId]
    memory_session_id: Mapped[Key]
    project: Mapped[str]
    request: Mapped[str | None]
    investigated: Mapped[str | None]
    learned: Mapped[str | None]
    completed: Mapped[str | None]
    next_steps: Mapped[str | None]
    created_at: Mapped[datetime]
    created_at_epoch: Mapped[int]

    __table_args__ = (
        Index("idx_memory_sum_session", "memory_session_id"),
        Index("idx_memory_sum_project", "project", text("created_at_epoch DESC")),
        NUMBERED,
    )


class MemoryManualSession(Model):
    """The parent of a project's observations."""

    __tablename__ = "memory_manual_sessions"

    memory_session_id: Mapped[Key] = mapped_column(primary_key=True)
    project: Mapped[str]
    created_at_epoch: Mapped[int]

    __table_args__ = (UniqueConstraint("project"),)


class Mirror(Model):
    """The text of a whole conversation."""

    __tablename__ = "mirrors"

    id: Mapped[RowId]
    session_id: Mapped[Key]
    source_identity: Mapped[Key | None]
    computer: Mapped[str]
    agent: Mapped[str]
    project: Mapped[str] = mapped_column(server_default="")
    title: Mapped[str] = mapped_column(server_default="")
    timestamp_start: Mapped[datetime | None]
    timestamp_end: Mapped[datetime | None]
    conversation_text: Mapped[str] = mapped_column(server_default="")
    message_count: Mapped[int] = mapped_column(server_default="0")
    metadata_: Mapped[Document | None] = mapped_column("metadata", server_default="{}")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        Index("idx_mirrors_source_identity", "source_identity", unique=True),
        Index("idx_mirrors_timestamp", text("timestamp_start DESC")),
        Index("idx_mirrors_project", "project"),
        Index("idx_mirrors_agent", "agent"),
        NUMBERED,
    )


class MirrorTombstone(Model):
    """A transcript that is known to be empty; `file_mtime` is the text of a count of nanoseconds."""

    __tablename__ = "mirror_tombstones"

    source_identity: Mapped[Key] = mapped_column(primary_key=True)
    agent: Mapped[str]
    transcript_path: Mapped[str]
    file_size: Mapped[int]
    file_mtime: Mapped[str]
    created_at: Mapped[datetime]
