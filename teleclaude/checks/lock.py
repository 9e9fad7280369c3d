"""Judges the lock of the database, which only one daemon or migration holds. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import Facts
from teleclaude.checks.result import Result, failure, passed, warning
from teleclaude.checks.schema import NOT_ASKED
from teleclaude.errors import Problem

HELD_BY_OTHERS = warning(
    "{holder}, server process {process}, holds the lock, and no daemon answers here",
    "start the daemon, which ends a session that it has lost itself, and names any other: {start}",
)
HOLDER_SILENT = warning(
    "{holder}, server process {process}, holds the lock; {unit} runs and does not answer", "fix the socket first"
)
NOT_HELD = failure(
    "a daemon answers and does not hold the lock, so that a second one could serve beside it", "{restart}"
)


def judge(facts: Facts) -> Result:
    """The daemon that answers holds the lock of the database; without a daemon it is free."""
    database, socket = facts.database, facts.socket
    if isinstance(database, Problem):
        return NOT_ASKED.found("lock", facts.setting.words)
    holder = database.holder
    if holder is None:
        return NOT_HELD.found("lock", facts.setting.words) if socket.answers else passed("lock", "it is free")
    if socket.answers:
        return passed("lock", f"{holder.name}, server process {holder.process}, holds it; a daemon answers")
    fault = HOLDER_SILENT if facts.runs else HELD_BY_OTHERS
    return fault.found("lock", facts.setting.words, holder=holder.name, process=holder.process)
