"""Judges the schema of the database. Pure."""

from __future__ import annotations

from teleclaude.checks.database import NOT_ASKED
from teleclaude.checks.facts import Facts
from teleclaude.checks.result import Fault, Result, State, passed
from teleclaude.errors import Problem

NO_SCHEMA = Fault(
    State.FAILURE,
    Problem(
        "the database does not hold the tables of a system-wide TeleClaude", "{sudo}teleclaude migrate-to-system{below}"
    ),
)
BEHIND = Fault(
    State.FAILURE,
    Problem(
        "the database is at schema revision {revision}, this program needs {head}",
        "stop the daemon, then: {sudo}teleclaude upgrade{below}",
    ),
)
AHEAD = Fault(
    State.FAILURE,
    Problem(
        "the database is at schema revision {revision}, which this program does not know; it needs {head}",
        "install the release of teleclaude that knows {revision}",
    ),
)

FAULTS = (NO_SCHEMA, BEHIND, AHEAD, NOT_ASKED)


def judge(facts: Facts) -> Result:
    """The database is at the schema revision that this program needs."""
    database = facts.database
    if isinstance(database, Problem):
        return NOT_ASKED.found("schema", facts.setting.words)
    if database.revision == database.head:
        return passed("schema", f"revision {database.revision}")
    fault = NO_SCHEMA if database.revision is None else BEHIND if database.can_upgrade else AHEAD
    return fault.found("schema", facts.setting.words, revision=database.revision, head=database.head)
