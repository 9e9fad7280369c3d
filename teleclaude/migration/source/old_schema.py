"""How files of every age read as the models, as data. Pure.

A file is recognised by what it contains, not by a version: each column of a model names the ways in which it can be
read, best first, and those count whose columns the old table has (facts: schema history). A column that is read as it
is has arrived; one that a rule only draws on is carried beside it as well, so that no rule can lose anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from string import ascii_lowercase, ascii_uppercase

from sqlalchemy import Table

from teleclaude.db.models import Model
from teleclaude.migration.source.inventory import SourceTable
from teleclaude.migration.source.json_member import FIRST, FUNCTION
from teleclaude.migration.values.identifiers import quote

BOOKKEEPING = {
    re.compile(r"sqlite_.*"): "SQLite's own bookkeeping; numbers to come are kept by sequences",
    re.compile(r"schema_migrations"): "the old program's list of schema changes; the new schema has its own",
}
SEARCH_INDEX = "a search index, which holds no data of its own"
"""Tables that hold no data of their own (facts: schema; dirty data, 32)."""

LOCAL_TIME = {"sessions": frozenset({"created_at", "last_activity", "closed_at"})}
"""Columns in which a naive time with a `T` is local time of the computer (facts: schema history, datetime format)."""

LOCAL_TIME_UNTIL = date(2026, 1, 18)
"""From this day on the old program wrote UTC."""

REBUILT = "_new"
"""How the name ends of a table that the old program filled to put it in another's place."""

NEW = frozenset({"audit_log", "migration_runs"})
"""Tables of the models that no old release had; what an old file has under such a name is something else."""


@dataclass(frozen=True)
class Read:
    """One way to read a column: by an SQL expression over columns that the old table must have."""

    needs: tuple[str, ...]
    sql: str


def reason_left(table: str, *, search_index: bool = False) -> str | None:
    """Return why a table of the old database is left behind, None where it is not.

    `search_index` says that SQLite made it for full-text search; a name alone proves nothing.
    """
    if search_index:
        return SEARCH_INDEX
    return next((reason for pattern, reason in BOOKKEEPING.items() if pattern.fullmatch(table)), None)


LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def fold(name: str) -> str:
    """Return a name as SQLite compares it: the case of ASCII letters does not count, that of others does."""
    return name.translate(LOWER)


def choose_read(table: str, column: str, source_columns: Collection[str]) -> Read | None:
    """Return how a column of a model is read from the old table, None where the old table has nothing for it.

    Where it has several, as a file has that a change of its schema left half done, the first that is not NULL counts.
    """
    known = {fold(name) for name in source_columns}
    ways = [way for way in (same(column), *RULES.get(table, {}).get(column, ())) if known.issuperset(way.needs)]
    if len(ways) < 2:
        return ways[0] if ways else None
    needs = tuple(dict.fromkeys(need for way in ways for need in way.needs))
    return Read(needs, f"coalesce({', '.join(way.sql for way in ways)})")


def same(column: str) -> Read:
    """Read a column as it is."""
    return Read((column,), quote(column))


def member(column: str, key: str) -> str:
    """Return the SQL for a value inside the JSON text of a column; NULL where there is none."""
    return f"CAST({FUNCTION}(CAST({column} AS BLOB), '{key}') AS TEXT)"


def ux(key: str) -> str:
    """Return the SQL for a value of the JSON object that `ux_state` was."""
    return member("ux_state", key)


TREES = "instr(working_directory, '/trees/')"
"""Where the path of a worktree inside a project begins (old migration 007)."""

CLOSED_BY_FLAG = "CASE WHEN closed THEN last_activity END"
"""The old program kept no time of closing; the last activity is the best that is known."""

SESSIONS: Mapping[str, tuple[Read, ...]] = {
    "last_input_origin": (
        same("last_input_adapter"),
        Read(("ux_state",), ux("last_input_adapter")),
        same("origin_adapter"),
        Read(("adapter_types",), f"coalesce({member('adapter_types', FIRST)}, adapter_types)"),
        same("adapter_type"),
    ),
    "closed_at": (
        Read(("closed", "last_activity"), CLOSED_BY_FLAG),
        Read(("status", "last_activity"), "CASE WHEN status = 'closed' THEN last_activity END"),
    ),
    "lifecycle_status": (
        Read(("closed",), "CASE WHEN closed THEN 'closed' ELSE 'active' END"),
        same("status"),
    ),
    "project_path": (
        Read(
            ("working_directory",),
            f"CASE WHEN {TREES} > 0 THEN substr(working_directory, 1, {TREES} - 1) ELSE working_directory END",
        ),
    ),
    "subdir": (Read(("working_directory",), f"CASE WHEN {TREES} > 0 THEN substr(working_directory, {TREES} + 1) END"),),
    "output_message_id": (Read(("ux_state",), ux("output_message_id")),),
    "notification_sent": (Read(("ux_state",), f"CASE {ux('notification_sent')} WHEN '1' THEN 1 WHEN '0' THEN 0 END"),),
    "native_session_id": (Read(("ux_state",), f"coalesce({ux('native_session_id')}, {ux('claude_session_id')})"),),
    "native_log_file": (Read(("ux_state",), f"coalesce({ux('native_log_file')}, {ux('claude_session_file')})"),),
    "active_agent": (Read(("ux_state",), ux("active_agent")),),
    "thinking_mode": (Read(("ux_state",), ux("thinking_mode")),),
    "last_output_raw": (same("last_feedback_received"),),
    "last_output_at": (same("last_feedback_received_at"),),
    "last_output_summary": (same("last_feedback_summary"),),
    "last_tool_use_at": (same("last_after_model_at"),),
    "last_tool_done_at": (same("last_agent_output_at"),),
}

OLD_VOICES = ("voice_name", "elevenlabs_id", "macos_voice", "openai_voice")
FIRST_VOICE = "coalesce(nullif(elevenlabs_id, ''), nullif(openai_voice, ''), nullif(macos_voice, ''), voice_name)"
VOICE_OF_SERVICE = (
    "coalesce(CASE service_name WHEN 'elevenlabs' THEN nullif(elevenlabs_id, '')"
    " WHEN 'openai' THEN nullif(openai_voice, '') WHEN 'macos' THEN nullif(macos_voice, '') END, "
    f"{FIRST_VOICE})"
)
SERVICE_OF_VOICE = (
    "CASE WHEN nullif(elevenlabs_id, '') IS NOT NULL THEN 'elevenlabs'"
    " WHEN nullif(openai_voice, '') IS NOT NULL THEN 'openai'"
    " WHEN nullif(macos_voice, '') IS NOT NULL THEN 'macos' END"
)

VOICES: Mapping[str, tuple[Read, ...]] = {
    "service_name": (Read(OLD_VOICES, SERVICE_OF_VOICE),),
    "voice": (Read(("service_name", *OLD_VOICES), VOICE_OF_SERVICE), Read(OLD_VOICES, FIRST_VOICE)),
}

RULES: Mapping[str, Mapping[str, tuple[Read, ...]]] = {"sessions": SESSIONS, "voice_assignments": VOICES}
"""The ways to read a column besides its own name, by table and column of the model."""


def find_models(tables: Sequence[SourceTable]) -> dict[str, str]:
    """Return the model of every old table that has one.

    A table without the key of the model is something else. The old program changed a table by filling NAME_new,
    dropping NAME and renaming: where it was killed before the renaming, the rows are in NAME_new, and NAME is not
    there, or empty since the next start (facts: schema history).
    """
    by_name = {fold(table.name): table for table in tables if has_data(table)}
    found = {}
    for name, model in Model.metadata.tables.items():
        table, rebuilt = (_with_key(by_name.get(way), model) for way in (name, f"{name}{REBUILT}"))
        if rebuilt is not None and (table is None or (table.rows == 0 and rebuilt.rows > 0)):
            table = rebuilt
        if table is not None and name not in NEW:
            found[table.name] = name
    return found


def _with_key(table: SourceTable | None, model: Table) -> SourceTable | None:
    names = [column.name for column in table.columns] if table else []
    whole = all(choose_read(model.name, column.name, names) for column in model.primary_key)
    return table if whole else None


def missing_columns(source: SourceTable, model: str) -> tuple[str, ...]:
    """Return the columns of its model that an old table has nothing for."""
    names = [column.name for column in source.columns]
    wanted = (column.name for column in Model.metadata.tables[model].columns if not column.name.startswith("owner_"))
    return tuple(name for name in wanted if choose_read(model, name, names) is None)


def has_data(table: SourceTable) -> bool:
    """Whether an old table holds data of its own."""
    return reason_left(table.name, search_index=table.search_index) is None
