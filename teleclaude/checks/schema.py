"""Judges the schema of the database. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import Facts
from teleclaude.checks.result import Result, failure, passed, skipped, warning
from teleclaude.errors import Problem

NOT_ASKED = skipped("the database was not asked", "fix the database first")
"""Of every check that needs the database, where the database does not answer."""

EMPTY = warning("the database has no tables yet; the daemon makes them at its first start", "{start}")
NO_SCHEMA = failure(
    "the database does not hold the tables of a system-wide TeleClaude", "{sudo}teleclaude migrate-to-system{below}"
)
BEHIND = failure(
    "the database is at schema revision {revision}, this program needs {head}",
    "stop the daemon, then: {sudo}teleclaude upgrade{below}",
)
AHEAD = failure(
    "the database is at schema revision {revision}, which this program does not know; it needs {head}",
    "install the release of teleclaude that knows {revision}",
)


def judge(facts: Facts) -> Result:
    """The database is at the schema revision that this program needs."""
    database = facts.database
    if isinstance(database, Problem):
        return NOT_ASKED.found("schema", facts.setting.words)
    if database.revision == database.head:
        return passed("schema", f"revision {database.revision}")
    fault = NO_SCHEMA if database.revision is None else BEHIND if database.can_upgrade else AHEAD
    fault = EMPTY if database.is_empty else fault
    return fault.found("schema", facts.setting.words, revision=database.revision, head=database.head)
