"""Old databases, built from what the facts say of each period (facts: schema history, shapes at points in time)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIRST = {
    "session_id": "TEXT PRIMARY KEY",
    "computer_name": "TEXT NOT NULL",
    "title": "TEXT",
    "tmux_session_name": "TEXT NOT NULL",
    "adapter_type": "TEXT NOT NULL",
    "adapter_metadata": "TEXT",
    "status": "TEXT",
    "created_at": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
    "last_activity": "TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
    "terminal_size": "TEXT DEFAULT '80x24'",
    "working_directory": "TEXT DEFAULT '~'",
    "command_count": "INTEGER DEFAULT 0",
}

UNPACKED = [
    "output_message_id",
    "last_input_adapter",
    "notification_sent",
    "native_session_id",
    "native_log_file",
    "active_agent",
    "thinking_mode",
    "native_tty_path",
    "tmux_tty_path",
    "native_pid",
    "tui_log_file",
    "tui_capture_started",
    "last_message_sent",
    "last_message_sent_at",
    "last_feedback_received",
    "last_feedback_received_at",
    "working_slug",
    "initiator_session_id",
]


@dataclass(frozen=True)
class Period:
    """What changed in `sessions` on a day, and the other tables of that day."""

    day: str
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    renamed: Mapping[str, str] | None = None
    tables: tuple[str, ...] = ()


TABLES = {
    "recordings": "recording_id INTEGER PRIMARY KEY, session_id TEXT, file_path TEXT, recording_type TEXT, at TEXT",
    "system_settings": "key TEXT PRIMARY KEY, value TEXT NOT NULL, updated_at TIMESTAMP",
    "old_voices": """id TEXT PRIMARY KEY, voice_name TEXT NOT NULL, elevenlabs_id TEXT, macos_voice TEXT,
        openai_voice TEXT, assigned_at TIMESTAMP""",
    "agent_availability": "agent TEXT PRIMARY KEY, available INTEGER, unavailable_until TEXT, reason TEXT",
    "terminal_outbox": "id INTEGER PRIMARY KEY, request_id TEXT, payload TEXT, created_at TEXT, response TEXT",
    "pending_message_deletions": """id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL,
        message_id TEXT NOT NULL, deletion_type TEXT NOT NULL, created_at TEXT""",
}

PERIODS = (
    Period("2025-10-31", tables=("recordings",)),
    Period("2025-11-03", added=("output_message_id", "idle_notification_message_id"), tables=("recordings",)),
    Period("2025-11-05", ("description",), renamed={"status": "closed"}, tables=("recordings", "system_settings")),
    Period(
        "2025-11-07", ("ux_state",), renamed={"adapter_type": "adapter_types"}, tables=("recordings", "system_settings")
    ),
    Period(
        "2025-12-01",
        dropped=("command_count", "output_message_id", "idle_notification_message_id"),
        renamed={"adapter_types": "origin_adapter"},
        tables=("system_settings",),
    ),
    Period("2025-12-04", ("initiated_by_ai", "claude_model"), tables=("system_settings", "old_voices")),
    Period("2026-01-04", dropped=("claude_model",), tables=("old_voices", "agent_availability")),
    Period("2026-01-07", dropped=("closed",), tables=("old_voices", "terminal_outbox")),
    Period(
        "2026-01-09", tuple(UNPACKED), dropped=("ux_state",), tables=("terminal_outbox", "pending_message_deletions")
    ),
    Period(
        "2026-01-17",
        ("subdir", "closed_at"),
        dropped=("native_tty_path", "tmux_tty_path", "native_pid"),
        renamed={"working_directory": "project_path"},
        tables=("old_voices",),
    ),
    Period(
        "2026-01-23",
        ("lifecycle_status", "last_feedback_summary"),
        dropped=("origin_adapter",),
        renamed={"last_input_adapter": "last_input_origin"},
        tables=("old_voices",),
    ),
    Period(
        "2026-02-09",
        ("last_output_digest", "last_agent_output_at", "last_after_model_at", "last_checkpoint_at"),
        tables=("system_settings",),
    ),
    Period(
        "2026-02-15",
        renamed={
            "last_feedback_received": "last_output_raw",
            "last_feedback_received_at": "last_output_at",
            "last_feedback_summary": "last_output_summary",
            "last_after_model_at": "last_tool_use_at",
            "last_agent_output_at": "last_tool_done_at",
        },
        tables=("system_settings",),
    ),
    Period("2026-02-28", ("user_role", "char_offset", "transcript_files", "visibility"), tables=("system_settings",)),
)


def columns_of(day: str) -> dict[str, str]:
    """Return the columns of `sessions` on a day."""
    columns = dict(FIRST)
    for period in PERIODS:
        renamed = period.renamed or {}
        columns = {renamed.get(name, name): kind for name, kind in columns.items() if name not in period.dropped}
        columns |= dict.fromkeys(period.added, "TEXT")
        if period.day == day:
            return columns
    raise AssertionError(day)


VALUES: dict[str, Any] = {
    "computer_name": "workshop",
    "tmux_session_name": "tc_1",
    "adapter_type": "telegram",
    "adapter_types": '["redis", "telegram"]',
    "origin_adapter": "discord",
    "status": "closed",
    "closed": 1,
    "created_at": "2025-12-24T20:15:00.000001",
    "last_activity": "2025-12-24T20:16:00.000001",
    "working_directory": "/home/ada/shop/trees/fix",
    "project_path": "/home/ada/shop",
    "command_count": 7,
    "output_message_id": "5000",
    "native_pid": 4711,
    "notification_sent": 1,
    "tui_capture_started": 0,
    "initiated_by_ai": 1,
    "last_message_sent_at": "2026-01-10 08:00:00",
    "last_feedback_received_at": "2026-01-10 08:00:01",
    "last_output_at": "2026-01-10 08:00:01",
    "closed_at": "2026-01-20 09:00:00",
    "lifecycle_status": "closed",
    "char_offset": 9,
    "transcript_files": "[]",
    "user_role": "admin",
    "ux_state": json.dumps(
        {
            "output_message_id": "6000",
            "notification_sent": True,
            "claude_session_id": "claude-1",
            "claude_session_file": "/home/ada/c.jsonl",
            "active_agent": "claude",
            "thinking_mode": "slow",
            "pending_deletions": ["1"],
        }
    ),
}
AT_COLUMNS = {
    "last_agent_output_at",
    "last_after_model_at",
    "last_checkpoint_at",
    "last_tool_use_at",
    "last_tool_done_at",
}


def value_of(column: str, number: int) -> Any:
    """Return a value that an old program could have written."""
    if column == "session_id":
        return f"session-{number}"
    if column in AT_COLUMNS:
        return "2026-02-10 10:00:00.000002"
    return VALUES.get(column, f"{column} {number}")


def make_old_database(path: Path, day: str, sessions: int = 3) -> None:
    """Write a database as the program of that day left it."""
    path.unlink(missing_ok=True)
    columns = columns_of(day)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE sessions ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        for number in range(sessions):
            values = [value_of(name, number) for name in columns]
            database.execute(f"INSERT INTO sessions VALUES ({', '.join('?' * len(values))})", values)
        for name in next(period for period in PERIODS if period.day == day).tables:
            table = "voice_assignments" if name == "old_voices" else name
            database.execute(f"CREATE TABLE {table} ({TABLES[name]})")
            width = len(database.execute(f"PRAGMA table_info({table})").fetchall())
            row = {
                "old_voices": ("session-0", "Nova", None, None, "nova", None),
                "pending_message_deletions": (1, "session-0", "5", "feedback", None),
                "agent_availability": ("claude", 1, None, None),
            }.get(name, (1, "a", "b", "c", "d")[:width])
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * width)})", row)
        database.commit()
