"""`teleclaude migrate-to-system`: the migration, its progress and its last page."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import click

from teleclaude.cli import root_option, settled
from teleclaude.cli.interruptible import run_interruptible
from teleclaude.cli.page import print_page
from teleclaude.cli.screen import Screen
from teleclaude.interrupt import Interrupted
from teleclaude.migration.pipeline import migrate
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.options import Options, Recovery
from teleclaude.migration.state.run_state import REPORT_NAME

_EXAMPLES = """\b
Examples:
  to='postgresql://teleclaude@localhost/teleclaude?passfile=/etc/teleclaude/pgpass'
  sudo teleclaude migrate-to-system --target "$to" --dry-run
  sudo teleclaude migrate-to-system --target "$to" --source ~/teleclaude
  sudo teleclaude migrate-to-system --target "$to" --resume
  teleclaude migrate-to-system --target postgresql:///trial --root /tmp/trial --yes --json

\b
Exit codes:
  0    done and verified
  1    a bug, please report it
  2    the command line is wrong
  3    refused, nothing was written: fix the cause
  4    failed and undone, the target is empty again: fix the cause, run again
  5    failed and not undone: run the printed commands, or run again with --undo
  130  interrupted and undone
"""

# Discovery says what to do about a closed one.
_FOLDER = click.Path(path_type=Path, file_okay=False, readable=False)


@click.command("migrate-to-system", epilog=_EXAMPLES)
@click.option("--source", type=_FOLDER, help="The checkout of the old installation: the directory of its program.")
@click.option("--home", type=_FOLDER, help="The home directory of its user.")
@click.option("--target", metavar="URL", help="The PostgreSQL database to move to; PG* variables fill in the rest.")
@root_option
@click.option("--person", metavar="NAME", help="The owner of the sessions, by the name in people of the configuration.")
@click.option("--uid", metavar="N", type=click.IntRange(0, 2**32 - 2), help="The user id of the owner of the sessions.")
@click.option(
    "--batch-size",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="The number of rows that are read at a time.",
)
@click.option("--timezone", metavar="ZONE", help="The time zone of the old computer, for local times without a zone.")
@click.option("--dry-run", is_flag=True, help="Do everything up to the commit, and keep nothing.")
@click.option("--report-dir", type=_FOLDER, help="Where to put the folder of the run: journal, ledger, report.")
@click.option("--resume", is_flag=True, help="Finish the migration that was cut off after its commit.")
@click.option("--undo", is_flag=True, help="Undo the migration that was cut off after its commit.")
@click.option("--json", "as_json", is_flag=True, help="Print one report on stdout, everything else on stderr.")
@click.option("--quiet", is_flag=True, help="Show only errors, what needs attention, and where the report is.")
@click.option("--yes", is_flag=True, help="Do not ask before the migration begins.")
def migrate_to_system(*, resume: bool, undo: bool, as_json: bool, quiet: bool, yes: bool, **asked: Any) -> None:
    """Move a single-user installation to the system-wide one on PostgreSQL.

    The old installation is only read. The target is empty or complete, never between. Every value is compared, the
    real daemon is booted on the result, and the rollback is printed. After kill -9 or a power loss, run the command
    again with --resume or --undo.
    """
    if resume and undo:
        raise click.UsageError("use either --resume or --undo, not both")
    recovery = Recovery.RESUME if resume else Recovery.UNDO if undo else None
    options = Options(recovery=recovery, **asked)
    screen = Screen(may_ask=sys.stdin.isatty(), agreed=yes, with_findings=as_json, quiet=quiet)
    report = run_migration(options, screen)
    kept = Path(report.header["folder"], REPORT_NAME)
    with settled(report.exit_code, f"see {kept}") if kept.exists() else settled(report.exit_code):
        show_report(report, as_json=as_json, quiet=quiet)


def run_migration(options: Options, screen: Screen) -> Report:
    """Migrate with progress on stderr; raises Interrupted for an interrupt before the first step."""
    # Private files get their mode when they are made; the service user must be able to read the others.
    os.umask(0o022)
    again = partial(screen.say, "everything is being undone; wait until that is done")
    with screen.bars:
        try:
            return run_interruptible(migrate(options, os.environ, screen), undoes_itself=True, again=again)
        except Interrupted:
            raise Interrupted("nothing was written") from None


def show_report(report: Report, *, as_json: bool, quiet: bool = False) -> None:
    """Print the report: as JSON, or as a page for people."""
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        print_page(report, quiet=quiet)
