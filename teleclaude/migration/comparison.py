"""The proof once more, later: the old databases against PostgreSQL, table by table, changing neither."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.errors import ConfigError, SourceError, TargetError, VerificationError
from teleclaude.migration.detect import detect
from teleclaude.migration.events import Event, Finding, Severity, TableResult, error, warning
from teleclaude.migration.ledger import index_ledger
from teleclaude.migration.options import Options
from teleclaude.migration.plan import Plan, make_plan
from teleclaude.migration.sources import reading
from teleclaude.migration.verify import verify_table

ROWS_AT_A_TIME = 1000


def read_report(path: Path) -> dict[str, Any]:
    """Return the report of a run; raises ConfigError where the file is none."""
    try:
        report = json.loads(path.read_bytes())
        named = {"source", "target", "owner", "ledger", "timezone"} <= set(report)
    except PermissionError:
        raise ConfigError(f"{path} cannot be read", "call as who migrated, mostly with sudo", path=path) from None
    except (OSError, ValueError, TypeError) as trouble:
        raise ConfigError(f"{path} is not the report of a migration", "name its report.json", path=path) from trouble
    if not named or report["ledger"] is None:
        raise ConfigError(f"{path} is the report of a run that moved nothing", "name another report.json", path=path)
    return dict(report)


async def compare_again(
    report: Mapping[str, Any], target: str | None, private: Path, environ: Mapping[str, str]
) -> AsyncGenerator[Event, None]:
    """Yield a result for every table that is still equal, and an error for every one that is not.

    `target` says how to reach the database now; without it the report does, and the password comes from where the
    migration had it: the password file that it names, `PGPASSWORD`, `~/.pgpass`. Raises SourceError or TargetError
    where one side cannot be read.
    """
    plan = await plan_again(report, target, private, environ)
    for finding in find_changes(plan, report):
        yield finding
    assert plan.url is not None
    with reading(plan.databases) as sources, explained(plan.url):
        async with (
            index_ledger(Path(report["ledger"]["path"]), private) as ledger,
            disposing(make_engine(plan.url, read_only=True)) as engine,
            engine.connect() as connection,
        ):
            for table in plan.tables:
                reader = sources.of(table.from_events)
                try:
                    proof = await verify_table(connection, reader, table, ledger, ROWS_AT_A_TIME)
                except VerificationError as difference:
                    yield error(
                        table.label, difference.message, "the new system was used since, or something changed it"
                    )
                else:
                    aside = table.rows - proof.rows
                    yield TableResult(table.label, table.rows, proof.rows, aside, proof.values, 0, 0, 0.0)


async def plan_again(report: Mapping[str, Any], target: str | None, private: Path, environ: Mapping[str, str]) -> Plan:
    """Return the plan of the run that the report is of, with a fresh private copy of its source."""
    said = str(report["target"]["url"]).replace(":***@", "@")
    options = Options(
        source=Path(report["source"]["checkout"]),
        home=Path(report["source"]["home"]),
        target=target or said,
        root=Path(report["root"]) if report.get("root") else None,
        person=report["owner"]["person"],
        uid=report["owner"]["uid"],
        timezone=report["timezone"],
    )
    inventory = await detect(options, report["run"], private, environ)
    if inventory.target is None:
        trouble = next(trouble for trouble in inventory.troubles if trouble.subject == "target")
        raise TargetError(trouble.message, trouble.hint)
    if inventory.database is None:
        trouble = next(trouble for trouble in inventory.troubles if trouble.subject == "source")
        raise SourceError(trouble.message, trouble.hint)
    # What the run itself made on the target took no name from it then.
    taken = inventory.target.taken - inventory.target.carried
    return make_plan(options, replace(inventory, target=replace(inventory.target, taken=taken)))


def find_changes(plan: Plan, report: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return a warning for every old database that is no longer what was migrated."""
    before = {file["path"]: file["sha256_before"] for file in report["source"].get("files", ())}
    now = {str(file.path): file.sha256 for file in plan.files}
    paths = [str(database.path) for database in plan.databases]
    return tuple(
        warning(path, "was written to since the migration", "what was written then is not in PostgreSQL")
        for path in paths
        if before.get(path) != now.get(path)
    )


def is_equal(events: list[Event]) -> bool:
    """Whether nothing differed."""
    return not any(isinstance(event, Finding) and event.severity is Severity.ERROR for event in events)
