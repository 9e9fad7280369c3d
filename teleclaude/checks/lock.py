"""Judges the lock that keeps all but one from the database. Pure."""

from __future__ import annotations

import shlex

from teleclaude.checks.database import NOT_ASKED, words
from teleclaude.checks.facts import Facts, Unknown
from teleclaude.checks.result import Fault, Result, State, passed

HELD_BY_OTHERS = Fault(
    State.WARNING,
    "{holder}, server process {process}, holds the lock, and no daemon answers here",
    "wait for its end if it is a migration; else, with the password of {secrets} if one is asked for: "
    "{as_reader}psql {address} -c 'SELECT pg_terminate_backend({process})'",
)
HELD_IN_SILENCE = Fault(
    State.WARNING,
    "{holder}, server process {process}, holds the lock, and {unit} runs and does not answer",
    "see to the socket first",
)
NOT_HELD = Fault(
    State.FAILURE, "a daemon answers, and nobody holds the lock: another one could serve beside it", "{restart}"
)
FAULTS = (HELD_BY_OTHERS, HELD_IN_SILENCE, NOT_HELD, NOT_ASKED)


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
    # The address of a local socket holds what a shell would take apart.
    address = shlex.quote(database.address.replace(":***@", "@"))
    fault = HELD_IN_SILENCE if facts.runs else HELD_BY_OTHERS
    return fault.found("lock", words(facts), holder=holder.name, process=holder.process, address=address)
