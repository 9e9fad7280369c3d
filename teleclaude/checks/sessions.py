"""Judges the sessions: whether they are there, whose they are, and whether the daemon lists them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from teleclaude.checks.database import NOT_ASKED, words
from teleclaude.checks.facts import DatabaseFacts, Facts, SocketFacts, Unknown
from teleclaude.checks.result import Fault, Result, State, passed, whole

EMPTY = Fault(
    State.WARNING,
    "the database holds no session, though the migration {run} came into it",
    "teleclaude verify --report {report}",
)
FOREIGN = Fault(
    State.WARNING,
    "{count} sessions belong to {owner}, whom the configuration does not know",
    "add that person to people in {config}, then: {restart}",
)
LISTS_LESS = Fault(
    State.WARNING,
    "the daemon lists {listed} sessions to {caller}, the database holds {held}",
    "{restart}; then: {journal}",
)
NOT_LISTED = Fault(State.SKIPPED, "the daemon was not asked: {message}", "{hint}")
FAULTS = (EMPTY, FOREIGN, LISTS_LESS, NOT_LISTED, NOT_ASKED)


def judge(facts: Facts) -> Result:
    """The sessions are there, belong to people whom the configuration knows, and the daemon lists them."""
    database = facts.database
    if isinstance(database, Unknown) or database.owners is None:
        return NOT_ASKED.found("sessions", facts.setting.words)
    parts = (
        _judge_stored(facts, database, database.owners),
        _judge_owners(facts, database, database.owners),
        _judge_listed(facts, facts.socket, sum(database.owners.values())),
    )
    return whole("sessions", parts)


def _judge_stored(facts: Facts, database: DatabaseFacts, owners: Mapping[str, int]) -> Result:
    if not owners and database.complete:
        run = database.complete[-1]
        report = facts.setting.layout.migrations / run / "report.json"
        return EMPTY.found("stored", facts.setting.words, run=run, report=report)
    return passed("stored", f"{sum(owners.values())} sessions")


def _judge_owners(facts: Facts, database: DatabaseFacts, owners: Mapping[str, int]) -> Result:
    foreign = next((owner for owner in sorted(owners) if owner not in facts.people), None)
    if foreign is not None:
        return FOREIGN.found("owners", words(facts), owner=foreign, count=owners[foreign])
    return passed("owners", ", ".join(sorted(owners)) or "none is needed")


def _judge_listed(facts: Facts, socket: SocketFacts, held: int) -> Result:
    if isinstance(socket.sessions, Unknown):
        message, hint = socket.sessions.message, socket.sessions.hint or str(facts.setting.words["start"])
        return NOT_LISTED.found("listed", facts.setting.words, message=message, hint=hint)
    if socket.sessions < held:
        caller = facts.setting.caller.name
        return LISTS_LESS.found("listed", facts.setting.words, listed=socket.sessions, held=held, caller=caller)
    return passed("listed", f"the daemon lists {socket.sessions}")
