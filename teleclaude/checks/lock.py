"""Judges the lock that keeps all but one from the database. Pure."""

from __future__ import annotations

from teleclaude.checks.database import NOT_ASKED
from teleclaude.checks.facts import Facts, Unknown
from teleclaude.checks.result import Fault, Result, State, passed

HELD_BY_OTHERS = Fault(
    State.WARNING,
    "{holder}, server process {process}, holds the lock, and no daemon answers here",
    "wait for its end if it is a migration; else: psql {address} -c 'SELECT pg_terminate_backend({process})'",
)
NOT_HELD = Fault(
    State.FAILURE, "a daemon answers, and nobody holds the lock: another one could serve beside it", "{restart}"
)
FAULTS = (HELD_BY_OTHERS, NOT_HELD, NOT_ASKED)


def judge(facts: Facts) -> Result:
    """The daemon that answers holds the lock of the database, and nobody else does."""
    database, socket = facts.database, facts.socket
    if isinstance(database, Unknown):
        return NOT_ASKED.found("lock", facts.setting.words)
    holder = database.holder
    if holder is None:
        return NOT_HELD.found("lock", facts.setting.words) if socket.answers else passed("lock", "nobody holds it")
    if socket.answers:
        return passed("lock", f"{holder.name}, server process {holder.process}, holds it; a daemon answers")
    address = database.address.replace(":***@", "@")
    return HELD_BY_OTHERS.found(
        "lock", facts.setting.words, holder=holder.name, process=holder.process, address=address
    )
