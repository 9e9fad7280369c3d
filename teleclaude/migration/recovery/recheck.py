"""The proof once more, later: the old databases against PostgreSQL, table by table, changing neither."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.errors import ConfigError, SourceError, TargetError, VerificationError
from teleclaude.migration.discover import discover
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.recovery.interrupted import plan_again, same_options
from teleclaude.migration.report.events import Event, Finding, Severity, TableResult, error, warning
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.reader import reading
from teleclaude.migration.source.run_record import RunRecord
from teleclaude.migration.source.target import NOWHERE
from teleclaude.migration.state.journal import digests
from teleclaude.migration.state.ledger import index_ledger
from teleclaude.migration.verify.table import verify_table


def read_report(path: Path) -> tuple[RunRecord, Path]:
    """Return the record of the run that a report is of, and the place of its ledger.

    Raises ConfigError where the file is no report of a run that moved something.
    """
    try:
        report = json.loads(path.read_bytes())
        record, ledger = RunRecord.from_json(report["record"]), report["ledger"]
        place = None if ledger is None else Path(ledger["path"])
    except PermissionError:
        raise ConfigError(f"{path} cannot be read", "call as who migrated, mostly with sudo", path=path) from None
    except (OSError, ValueError, TypeError, KeyError) as trouble:
        raise ConfigError(f"{path} is not the report of a migration", "name its report.json", path=path) from trouble
    if place is None:
        raise ConfigError(f"{path} is the report of a run that moved nothing", "name another report.json", path=path)
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
    assert plan.url is not None
    with reading(plan.databases) as sources, explained(plan.url):
        async with (
            index_ledger(ledger, private) as index,
            disposing(make_engine(plan.url, read_only=True)) as engine,
            engine.connect() as connection,
        ):
            for table in plan.tables:
                reader = sources.of(table.from_events)
                try:
                    proof = await verify_table(connection, reader, table, index, plan.options.batch_size)
                except VerificationError as difference:
                    yield error(
                        table.label, difference.message, "the new system was used since, or something changed it"
                    )
                else:
                    aside = table.rows - proof.rows
                    yield TableResult(table.label, table.rows, proof.rows, aside, proof.values, 0, 0, 0.0)


async def _plan_of(record: RunRecord, target: str | None, private: Path, environ: Mapping[str, str]) -> Plan:
    """Return the plan of the run that the record is of, with a fresh private copy of its source."""
    reached_by = record.reached_by.replace(":***@", "@") if record.reached_by else None
    options = same_options(Options(target=target or reached_by, root=record.root), record)
    inventory = await discover(options, record.run, private, environ)
    seen = (("target", inventory.target, TargetError), ("source", inventory.database, SourceError))
    for subject, found, kind in seen:
        if found is None:
            trouble = next(trouble for trouble in inventory.problems if trouble.subject == subject)
            raise kind(trouble.message, trouble.hint)
    # A verification publishes nothing, so that nobody is asked for what stands in the places of the files.
    return plan_again(options, replace(inventory, destinations=NOWHERE), record.run, record)


def _find_changes(plan: Plan, record: RunRecord) -> Iterator[Finding]:
    """Yield a warning for every old database that is no longer what was migrated."""
    before, now = dict(record.sources), dict(digests(plan.databases))
    for database in plan.databases:
        if before.get(database.path) != now.get(database.path):
            said = "what was written then is not in PostgreSQL"
            yield warning(str(database.path), "was written to since the migration", said)


def is_equal(events: list[Event]) -> bool:
    """Whether nothing differed."""
    return not any(isinstance(event, Finding) and event.severity is Severity.ERROR for event in events)
