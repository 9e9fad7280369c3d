"""How old databases of every age are read as the models, as data. Pure.

A database is recognised by its columns, not by a version. Each column of a model lists the ways to read it, best first;
those count whose columns the old table has (facts: schema history). A column that only a rule reads is moved to the
schema `legacy` as well, so that no rule loses anything.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from string import ascii_lowercase, ascii_uppercase

from sqlalchemy import Table

from teleclaude.db.models import Model
from teleclaude.migration.source.installation import SourceTable
from teleclaude.migration.source.json_member import FIRST, FUNCTION
from teleclaude.migration.values.identifiers import quote

_BOOKKEEPING = {
    re.compile(r"sqlite_.*"): "SQLite's own bookkeeping; sequences give the next numbers",
    re.compile(r"schema_migrations"): "the old program's list of schema changes; the new schema has its own",
}
_SEARCH_INDEX = "a search index, which holds no data of its own"
"""The reason for tables of full-text search (facts: schema; dirty data, 32)."""
_CLOSED = "a virtual table that this SQLite cannot open; what the file holds of it is in other tables, which are moved"

LOCAL_TIME = {"sessions": frozenset({"created_at", "last_activity", "closed_at"})}
"""Columns where a time with a `T` and no offset is local time (facts: schema history, datetime format)."""

LOCAL_TIME_UNTIL = date(2026, 1, 18)
"""The first day on which the old program wrote UTC."""

_REBUILT = "_new"
"""The ending of the name of a table that the old program filled to replace another one."""

NEW = frozenset({"migration_runs"})
"""Tables of the models that no old release had; an old table of such a name is another program's."""

_EXACT = {"audit_log": frozenset({"detail"})}
"""Tables that are ours only with exactly the columns of the model, and the columns that may be there or not."""

OWNERS = frozenset({"owner_person", "owner_uid"})
"""Columns that the plan fills in every row; an old table that has them keeps its own in `legacy`."""


@dataclass(frozen=True)
class Read:
    """One way to read a column: an SQL expression, and the columns that the old table needs for it."""

    needs: tuple[str, ...]
    sql: str


def reason_left(table: SourceTable) -> str | None:
    """Return why a table of the old database is not moved, None where it is.

    A name alone does not show that SQLite made a table for full-text search.
    """
    if table.search_index:
        return _SEARCH_INDEX
    if table.closed:
        return _CLOSED
    return next((reason for pattern, reason in _BOOKKEEPING.items() if pattern.fullmatch(table.name)), None)


_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)


def fold(name: str) -> str:
    """Return a name as SQLite compares it: only the case of ASCII letters is ignored."""
    return name.translate(_LOWER)


def choose_read(table: str, column: str, source_columns: Collection[str]) -> Read | None:
    """Return how a column of a model is read from the old table, None where the old table has no column for it.

    An unfinished change of the old schema leaves several ways; then the first value that is not NULL counts.
    """
    known = {fold(name) for name in source_columns}
    ways = [way for way in (_same(column), *RULES.get(table, {}).get(column, ())) if known.issuperset(way.needs)]
    if len(ways) < 2:
        return ways[0] if ways else None
    needs = tuple(dict.fromkeys(need for way in ways for need in way.needs))
    return Read(needs, f"coalesce({', '.join(way.sql for way in ways)})")


def _same(column: str) -> Read:
    """Read a column as it is."""
    return Read((column,), quote(column))


def _member(column: str, key: str) -> str:
    """Return the SQL for a value inside the JSON text of a column; NULL where there is none."""
    return f"CAST({FUNCTION}(CAST({column} AS BLOB), '{key}') AS TEXT)"


def _ux(key: str) -> str:
    """Return the SQL for a value of the JSON object that `ux_state` was."""
    return _member("ux_state", key)


_TREES = "instr(working_directory, '/trees/')"
"""Where the path of a worktree inside a project begins (old migration 007)."""

_CLOSED_BY_FLAG = "CASE WHEN closed THEN last_activity END"
"""The old program kept no time of closing; the last activity is the nearest known time."""

_SESSIONS: Mapping[str, tuple[Read, ...]] = {
    "last_input_origin": (
        _same("last_input_adapter"),
        Read(("ux_state",), _ux("last_input_adapter")),
        _same("origin_adapter"),
        Read(("adapter_types",), f"coalesce({_member('adapter_types', FIRST)}, adapter_types)"),
        _same("adapter_type"),
    ),
    "closed_at": (
        Read(("closed", "last_activity"), _CLOSED_BY_FLAG),
        Read(("status", "last_activity"), "CASE WHEN status = 'closed' THEN last_activity END"),
    ),
    "lifecycle_status": (
        Read(("closed",), "CASE WHEN closed THEN 'closed' ELSE 'active' END"),
        _same("status"),
    ),
    "project_path": (
        Read(
            ("working_directory",),
            f"CASE WHEN {_TREES} > 0 THEN substr(working_directory, 1, {_TREES} - 1) ELSE working_directory END",
        ),
    ),
    "subdir": (
        Read(("working_directory",), f"CASE WHEN {_TREES} > 0 THEN substr(working_directory, {_TREES} + 1) END"),
    ),
    "output_message_id": (Read(("ux_state",), _ux("output_message_id")),),
    "notification_sent": (Read(("ux_state",), f"CASE {_ux('notification_sent')} WHEN '1' THEN 1 WHEN '0' THEN 0 END"),),
    "native_session_id": (Read(("ux_state",), f"coalesce({_ux('native_session_id')}, {_ux('claude_session_id')})"),),
    "native_log_file": (Read(("ux_state",), f"coalesce({_ux('native_log_file')}, {_ux('claude_session_file')})"),),
    "active_agent": (Read(("ux_state",), _ux("active_agent")),),
    "thinking_mode": (Read(("ux_state",), _ux("thinking_mode")),),
    "last_output_raw": (_same("last_feedback_received"),),
    "last_output_at": (_same("last_feedback_received_at"),),
    "last_output_summary": (_same("last_feedback_summary"),),
    "last_tool_use_at": (_same("last_after_model_at"),),
    "last_tool_done_at": (_same("last_agent_output_at"),),
}

_OLD_VOICES = ("voice_name", "elevenlabs_id", "macos_voice", "openai_voice")
_FIRST_VOICE = "coalesce(nullif(elevenlabs_id, ''), nullif(openai_voice, ''), nullif(macos_voice, ''), voice_name)"
_VOICE_OF_SERVICE = (
    "coalesce(CASE service_name WHEN 'elevenlabs' THEN nullif(elevenlabs_id, '')"
    " WHEN 'openai' THEN nullif(openai_voice, '') WHEN 'macos' THEN nullif(macos_voice, '') END, "
    f"{_FIRST_VOICE})"
)
_SERVICE_OF_VOICE = (
    "CASE WHEN nullif(elevenlabs_id, '') IS NOT NULL THEN 'elevenlabs'"
    " WHEN nullif(openai_voice, '') IS NOT NULL THEN 'openai'"
    " WHEN nullif(macos_voice, '') IS NOT NULL THEN 'macos' END"
)

_VOICES: Mapping[str, tuple[Read, ...]] = {
    "service_name": (Read(_OLD_VOICES, _SERVICE_OF_VOICE),),
    "voice": (Read(("service_name", *_OLD_VOICES), _VOICE_OF_SERVICE), Read(_OLD_VOICES, _FIRST_VOICE)),
}

RULES: Mapping[str, Mapping[str, tuple[Read, ...]]] = {"sessions": _SESSIONS, "voice_assignments": _VOICES}
"""The ways to read a column besides its own name, by table and column of the model."""


def find_models(tables: Sequence[SourceTable]) -> dict[str, str]:
    """Return the model of every old table that has one.

    A table without the key of the model is another program's. The old program changed a table by filling NAME_new,
    dropping NAME and renaming. Where it was killed before the renaming, the rows are in NAME_new, and NAME is missing,
    or empty since the next start (facts: schema history).
    """
    by_name = {fold(table.name): table for table in tables if has_data(table)}
    found = {}
    for name, model in Model.metadata.tables.items():
        table, rebuilt = (_with_key(by_name.get(way), model) for way in (name, f"{name}{_REBUILT}"))
        if rebuilt is not None and (table is None or (table.rows == 0 and rebuilt.rows > 0)):
            table = rebuilt
        if table is not None and name not in NEW and _is_exact(table, model):
            found[table.name] = name
    return found


def _is_exact(table: SourceTable, model: Table) -> bool:
    """Whether a table has the columns of its model and no other, where that is what makes it ours."""
    optional = _EXACT.get(model.name)
    return (
        optional is None
        or {fold(column.name) for column in table.columns} - optional == set(model.columns.keys()) - optional
    )


def _with_key(table: SourceTable | None, model: Table) -> SourceTable | None:
    names = [column.name for column in table.columns] if table else []
    whole = all(choose_read(model.name, column.name, names) for column in model.primary_key)
    return table if whole else None


def missing_columns(source: SourceTable, model: str) -> tuple[str, ...]:
    """Return the columns of its model that an old table has no column for."""
    names = [column.name for column in source.columns]
    wanted = (name for name in map(str, Model.metadata.tables[model].columns.keys()) if name not in OWNERS)
    return tuple(name for name in wanted if choose_read(model, name, names) is None)


def has_data(table: SourceTable) -> bool:
    """Whether an old table holds data of its own."""
    return reason_left(table) is None
