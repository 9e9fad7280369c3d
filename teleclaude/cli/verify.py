"""`teleclaude verify`: compare the old installation with PostgreSQL once more."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from teleclaude.cli.interruptible import run_interruptible
from teleclaude.errors import Exit
from teleclaude.migration.recovery.recheck import Outcome, compare_again, count_used, find_outcome, read_report
from teleclaude.migration.report.events import Event, Finding, TableResult, TableUse
from teleclaude.migration.report.report import to_plain
from teleclaude.migration.state.workspace import private_folder
from teleclaude.printable import count, printable


@click.command(epilog="Example: teleclaude verify --report /var/lib/teleclaude/migration/RUN/report.json")
@click.option(
    "--report", "report_file", required=True, type=click.Path(path_type=Path), help="The report.json of the migration."
)
@click.option("--target", metavar="URL", help="The URL of the database, where it is not the one in the report.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def verify(report_file: Path, target: str | None, as_json: bool) -> None:
    """Compare every value of the old databases with PostgreSQL once more; neither is changed.

    It reads a new private copy of the source. Rows that the daemon has added, removed or changed since are counted
    apart. The exit code is 0 where nothing else differs, and 3 where something does.
    """
    events = run_interruptible(_compare(report_file, target))
    outcome = find_outcome(events)
    if as_json:
        shown = [to_plain(event) for event in events if isinstance(event, Finding | TableResult | TableUse)]
        said = {"outcome": outcome, "rows_used": count_used(events), "results": shown}
        click.echo(json.dumps(said, indent=2))
    else:
        for event in events:
            _show(event)
        for line in conclude(outcome, count_used(events)):
            click.echo(line)
    sys.exit(Exit.REFUSED if outcome is Outcome.DIFFERS else Exit.DONE)


async def _compare(report_file: Path, target: str | None) -> list[Event]:
    with private_folder() as private:
        return [event async for event in compare_again(*read_report(report_file), target, private, os.environ)]


def _show(event: Event) -> None:
    if isinstance(event, TableResult):
        rows, values = count(event.target_rows, "row"), count(event.values_compared, "value")
        click.echo(f"{printable(event.name)}: {rows}, {values} compared, all equal")
    elif isinstance(event, TableUse):
        kinds = {"added": event.added, "removed": event.removed, "changed": event.changed}
        kinds["written by close_idle alone"] = event.close_idle
        used = ", ".join(f"{count(rows, 'row')} {kind}" for kind, rows in kinds.items() if rows)
        click.echo(f"{printable(event.name)}: used since: {used}")
    elif isinstance(event, Finding):
        click.echo(f"{event.severity}: {printable(f'{event.subject}: {event.problem.message}')}", err=True)
        click.echo(f"  → {printable(event.problem.hint)}", err=True)


def conclude(outcome: Outcome, used: int) -> list[str]:
    """Return the last lines: whether the new system has been used since, and whether anything else differs."""
    differ = "row differs" if used == 1 else "rows differ"
    since = [f"the new system has been used since: {used:,} {differ} as expected of it"] if used else []
    otherwise = {Outcome.EQUAL: "equal", Outcome.USED: "everything else is equal", Outcome.DIFFERS: "differs"}
    return [*since, otherwise[outcome]]
