"""The verification once more, later: the old databases are compared with PostgreSQL, and neither is changed."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from teleclaude.errors import ConfigError, SourceError, TargetError, VerificationError
from teleclaude.layout import make_layout
from teleclaude.migration.discover import discover
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.recovery import problems
from teleclaude.migration.recovery.interrupted import plan_again, same_options
from teleclaude.migration.recovery.reverify import reading_target, verify_tables
from teleclaude.migration.report.events import Event, Finding, Severity, error, warning
from teleclaude.migration.source.inventory import NOWHERE
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.run_record import RunRecord
from teleclaude.migration.state.run_state import REPORT_NAME
from teleclaude.platform.names import HERE


def read_report(path: Path) -> tuple[RunRecord, Path]:
    """Return the record of the run that a report is of, and the place of its ledger; `path` may be the run's folder.

    Raises ConfigError where the file is no report of a run that moved something.
    """
    try:
        path = path / REPORT_NAME if path.is_dir() else path
        report = json.loads(path.read_bytes())
        record, ledger = RunRecord.from_json(report["record"]), report["ledger"]
        place = None if ledger is None else Path(ledger["path"])
    except PermissionError:
        raise ConfigError(problems.REPORT_CLOSED.fill(path=path), path=path) from None
    except FileNotFoundError:
        missing = problems.NO_SUCH_REPORT.fill(path=path, folder=make_layout(HERE).migrations)
        raise ConfigError(missing, path=path) from None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as trouble:
        raise ConfigError(problems.NO_REPORT.fill(path=path), path=path) from trouble
    if place is None:
        raise ConfigError(problems.NOTHING_MOVED.fill(path=path), path=path)
    return record, place


async def compare_again(
    record: RunRecord, ledger: Path, target: str | None, private: Path, environ: Mapping[str, str]
) -> AsyncGenerator[Event, None]:
    """Yield a result for every table that is still equal, and an error for every one that is not.

    `target` says how to reach the database now; without it the record does, and the password comes from where the
    migration had it: the password file that it names, `PGPASSWORD`, `~/.pgpass`. Raises SourceError or TargetError
    where one side cannot be read.
    """
    plan = await _plan_of(record, target, private, environ)
    for finding in _find_changes(plan, record):
        yield finding
    async with reading_target(plan) as connection, aclosing(verify_tables(plan, connection, ledger)) as found:
        async for event in found:
            if isinstance(event, VerificationError):
                yield error(event.table, problems.DIFFERS.fill(message=event.problem.message))
            else:
                yield event


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


def is_equal(found: list[Event]) -> bool:
    """Whether nothing differed."""
    return not any(isinstance(event, Finding) and event.severity is Severity.ERROR for event in found)
