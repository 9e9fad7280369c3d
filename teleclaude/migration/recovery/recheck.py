"""The verification once more, later: the old databases are compared with PostgreSQL, and neither is changed.

What the daemon writes (`daemon.writes`) may differ once the new system is used. It is counted apart from what differs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.daemon.writes import NOTHING, WRITES
from teleclaude.db.models import MigrationRun, Model
from teleclaude.errors import ConfigError, SourceError, TargetError, VerificationError
from teleclaude.layout import make_layout
from teleclaude.migration.discover import discover
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.recovery import problems
from teleclaude.migration.recovery.interrupted import plan_again, same_options
from teleclaude.migration.recovery.reports import load_report
from teleclaude.migration.recovery.reverify import reading_target, verify_tables
from teleclaude.migration.report.events import Event, Finding, Severity, TableUse, error, warning
from teleclaude.migration.source.inventory import NOWHERE
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.run_record import RunRecord
from teleclaude.migration.verify.read_back import Target
from teleclaude.migration.verify.table import count_alone
from teleclaude.platform.names import HERE


def read_report(path: Path) -> tuple[RunRecord, Path]:
    """Return the record of the run that a report is of, and the place of its ledger; `path` may be the run's folder.

    Raises ConfigError where the file is no report of a run that moved something.
    """
    report, path = load_report(path, make_layout(HERE).migrations)
    try:
        record, ledger = RunRecord.from_json(report["record"]), report["ledger"]
        place = None if ledger is None else Path(ledger["path"])
    except (ValueError, TypeError, KeyError) as trouble:
        raise ConfigError(problems.NO_REPORT.fill(path=path), path=path) from trouble
    if place is None:
        raise ConfigError(problems.NOTHING_MOVED.fill(path=path), path=path)
    return record, place


async def compare_again(
    record: RunRecord, ledger: Path, target: str | None, private: Path, environ: Mapping[str, str]
) -> AsyncGenerator[Event, None]:
    """Yield a result for every table that is still equal, an error for every one that is not, and what use changed.

    `target` says how to reach the database now; without it the record does, and the password comes from where the
    migration had it: the password file that it names, `PGPASSWORD`, `~/.pgpass`. Raises SourceError or TargetError
    where one side cannot be read.
    """
    plan = await _plan_of(record, target, private, environ)
    changes = tuple(_find_changes(plan, record))
    for finding in changes:
        yield finding
    # Where the old side was used as well, a difference may come from either.
    writes, differs = ({}, problems.EITHER_DIFFERS) if changes else (WRITES, problems.DIFFERS)
    async with reading_target(plan) as connection:
        async with aclosing(verify_tables(plan, connection, ledger, writes)) as found:
            async for event in found:
                if isinstance(event, VerificationError):
                    yield error(event.table, differs.fill(message=event.problem.message))
                else:
                    yield event
        async for event in _look_at_new_tables(plan, connection):
            yield event


async def _look_at_new_tables(plan: Plan, target: AsyncConnection) -> AsyncGenerator[Event, None]:
    """Yield what is in our tables that the old databases did not have; the migration left them empty."""
    migrated = {MigrationRun.__tablename__, *(table.label for table in plan.tables)}
    for name, table in sorted(Model.metadata.tables.items()):
        rows = 0 if name in migrated else await target.scalar(select(func.count()).select_from(table)) or 0
        if rows and WRITES.get(name, NOTHING).adds:
            alone = await count_alone(Target(target), name)
            yield TableUse(name, added=rows - alone, removed=0, changed=0, close_idle=alone)
        elif rows:
            yield error(
                name, problems.DIFFERS.fill(message=f"{name}: PostgreSQL holds {rows}, the source holds 0 rows")
            )


async def _plan_of(record: RunRecord, target: str | None, private: Path, environ: Mapping[str, str]) -> Plan:
    """Return the plan of the run that the record is of, with a fresh private copy of its source."""
    reached_by = record.reached_by.replace(":***@", "@") if record.reached_by else None
    options = same_options(Options(target=target or reached_by, root=record.root), record)
    inventory = await discover(options, record.run, private, environ)
    seen = (("target", inventory.target, TargetError), ("source", inventory.database, SourceError))
    for subject, found, kind in seen:
        if found is None:
            raise kind(next(finding.problem for finding in inventory.problems if finding.subject == subject))
    # A verification publishes nothing, so what exists in the places of the files does not matter.
    return plan_again(options, replace(inventory, destinations=NOWHERE), record.run, record)


def _find_changes(plan: Plan, record: RunRecord) -> Iterator[Finding]:
    """Yield a warning for every old database that is no longer what was migrated."""
    before = dict(record.sources)
    for database in plan.databases:
        if before.get(database.real.path) != database.real.sha256:
            yield warning(str(database.path), problems.SOURCE_USED)


class Outcome(StrEnum):
    """What a comparison found: nothing, only what the daemon writes, or something else as well."""

    EQUAL = "equal"
    USED = "used"
    DIFFERS = "differs"


def find_outcome(found: Sequence[Event]) -> Outcome:
    """Return what the comparison found; an error weighs more than use."""
    if any(isinstance(event, Finding) and event.severity is Severity.ERROR for event in found):
        return Outcome.DIFFERS
    return Outcome.USED if count_used(found) else Outcome.EQUAL


def count_used(found: Sequence[Event]) -> int:
    """Return how many rows the use of the new system has added, removed or changed."""
    return sum(event.rows for event in found if isinstance(event, TableUse))
