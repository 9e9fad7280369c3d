"""Judges the sessions: whether they exist, their owners, and whether the daemon lists them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from teleclaude.checks.facts import DatabaseFacts, Facts
from teleclaude.checks.result import Result, failure, passed, skipped, warning, whole
from teleclaude.checks.schema import NOT_ASKED
from teleclaude.errors import Problem

EMPTY = warning(
    "the migration {run} is complete, and the database holds no session", "teleclaude verify --report {report}"
)
FOREIGN = warning(
    "sessions belong to {owner}, who is not among people in the configuration: {count}",
    "add that person to people in {config}, then: {restart}",
)
LISTS_OTHERS = failure(
    "the numbers of sessions differ: a daemon booted for this check lists {listed}, the database holds {held}",
    "run the check again, because a session may have begun meanwhile; if they still differ, report it as a bug",
)
NOT_LISTED = skipped("a daemon booted for this check does not list the sessions: {message}", "{hint}")


def judge(facts: Facts) -> Result:
    """The sessions exist, belong to people in the configuration, and a daemon lists them."""
    database = facts.database
    if isinstance(database, Problem) or database.owners is None:
        return NOT_ASKED.found("sessions", facts.setting.words)
    parts = (
        _judge_stored(facts, database, database.owners),
        _judge_owners(facts, database, database.owners),
        _judge_listed(facts, sum(database.owners.values())),
    )
    return whole("sessions", parts)


def _judge_stored(facts: Facts, database: DatabaseFacts, owners: Mapping[str, int]) -> Result:
    if not owners and database.complete:
        run = database.complete[-1]
        report = facts.setting.layout.migrations / run / "report.json"
        return EMPTY.found("stored", facts.setting.words, run=run, report=report)
    return passed("stored", f"sessions: {sum(owners.values())}")


def _judge_owners(facts: Facts, database: DatabaseFacts, owners: Mapping[str, int]) -> Result:
    foreign = next((owner for owner in sorted(owners) if owner not in facts.people), None)
    if foreign is not None:
        return FOREIGN.found("owners", facts.setting.words, owner=foreign, count=owners[foreign])
    return passed("owners", ", ".join(sorted(owners)) or "none is needed")


def _judge_listed(facts: Facts, held: int) -> Result:
    if isinstance(facts.listed, Problem):
        return NOT_LISTED.found("listed", facts.setting.words, **vars(facts.listed))
    if facts.listed != held:
        return LISTS_OTHERS.found("listed", facts.setting.words, listed=facts.listed, held=held)
    return passed("listed", f"a daemon booted for this check lists {facts.listed}")
