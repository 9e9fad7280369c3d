"""Judges whether a migration was cut off. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import Facts
from teleclaude.checks.result import Result, failure, passed
from teleclaude.checks.schema import NOT_ASKED
from teleclaude.errors import Problem

PENDING = failure(
    "the migration {run} into this database is not finished, and no daemon serves until it is",
    "{sudo}teleclaude migrate-to-system{below} --resume finishes it, --undo takes it back",
)


def judge(facts: Facts) -> Result:
    """No migration was cut off."""
    database = facts.database
    if isinstance(database, Problem) or database.owners is None:
        return NOT_ASKED.found("migration", facts.setting.words)
    if database.pending:
        return PENDING.found("migration", facts.setting.words, run=database.pending[0])
    return passed("migration", f"none is pending, {len(database.complete)} complete")
