"""`teleclaude report`: the report of a migration as text, for people without a browser."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from teleclaude.cli import root_option
from teleclaude.cli.page import print_report
from teleclaude.layout import make_layout
from teleclaude.migration.recovery.reports import find_report, load_whole_report
from teleclaude.platform.names import HERE


@click.command(epilog="Example: sudo teleclaude report --tables")
@click.argument("run", required=False)
@click.option("--tables", is_flag=True, help="Show every table, not only the largest.")
@root_option
def report(run: str | None, root: Path | None, *, tables: bool) -> None:
    """Print the report of a migration as text, with everything that needs attention.

    RUN is the name of the run, its folder or its report.json; without it the latest run is shown.
    """
    migrations = make_layout(HERE, root).migrations
    said = load_whole_report(find_report(run, migrations), migrations)
    print_report(said, Console(highlight=False), whole=True, every_table=tables)
