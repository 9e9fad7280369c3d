"""What the daemon writes to the tables of a database that is used: the one place that says so.

By it `teleclaude verify` tells what the use of the new system changed from what nobody would expect. A test compares it
with the statements of the daemon, in both directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from teleclaude.daemon.outbox import MOMENTS, TEXTS
from teleclaude.daemon.routes.session_fields import ChangedSession


@dataclass(frozen=True)
class Writes:
    """What is written to a table: whether rows are added and removed, and which columns of older rows change."""

    adds: bool = False
    removes: bool = False
    changes: frozenset[str] = frozenset()


NOTHING = Writes()

_SENT = {field.serialization_alias or name for name, field in ChangedSession.model_fields.items()} - {"session_id"}
_HEARD = {*MOMENTS.values(), *(column for columns in TEXTS.values() for column in columns)}

WRITES: Mapping[str, Writes] = {
    "sessions": Writes(adds=True, changes=frozenset({*_SENT, *_HEARD, "last_activity", "closed_at"})),
    "session_tokens": Writes(changes=frozenset({"revoked_at"})),
    "hook_outbox": Writes(
        adds=True,
        changes=frozenset({"next_attempt_at", "attempt_count", "last_error", "delivered_at", "locked_at"}),
    ),
    "memory_observations": Writes(adds=True, removes=True),
    "memory_manual_sessions": Writes(adds=True),
    "system_settings": Writes(adds=True, changes=frozenset({"value", "updated_at"})),
    "audit_log": Writes(adds=True, removes=True),
}
"""By table. To a table that is not listed the daemon writes nothing."""
