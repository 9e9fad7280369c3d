"""`teleclaude migrate-to-system`: the migration, its progress and its last page."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from teleclaude.cli.page import print_page
from teleclaude.cli.screen import Screen
from teleclaude.errors import Exit
from teleclaude.migration.pipeline import migrate
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.options import Options, Recovery

_EXAMPLES = """\b
Examples:
  to='postgresql://teleclaude@localhost/teleclaude?passfile=/etc/teleclaude/pgpass'
  sudo teleclaude migrate-to-system --target "$to" --dry-run
  sudo teleclaude migrate-to-system --target "$to" --source ~/teleclaude
  sudo teleclaude migrate-to-system --target "$to" --resume
  teleclaude migrate-to-system --target postgresql:///trial --root /tmp/trial --yes --json

\b
Exit codes:
  0    done and proved
  1    a bug, please report it
  2    the command line is wrong
  3    refused, nothing was written: fix the cause
  4    failed and taken back, the target is empty again: fix the cause, run again
  5    failed and not taken back: run the printed commands, or run again with --undo
  130  interrupted and taken back
"""

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("migrate-to-system", epilog=_EXAMPLES)
@click.option("--source", type=_FOLDER, help="The checkout of the old installation.")
@click.option("--home", type=_FOLDER, help="The home of its user.")
@click.option("--target", metavar="URL", help="The PostgreSQL database to move to; PG* variables fill in the rest.")
@click.option("--root", type=_FOLDER, help="Put every system path below this directory: a trial needs no privileges.")
@click.option("--person", metavar="NAME", help="To whom the sessions belong, as people in the configuration has it.")
@click.option("--uid", metavar="N", type=click.IntRange(0, 2**32 - 2), help="The user id that the sessions belong to.")
@click.option(
    "--batch-size",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="Rows at a time.",
)
@click.option("--timezone", metavar="ZONE", help="Where the old computer was, for local times without a zone.")
@click.option("--dry-run", is_flag=True, help="Do everything up to the commit, and keep nothing.")
@click.option("--report-dir", type=_FOLDER, help="Where the folder of the run goes: journal, ledger, report.")
@click.option("--resume", is_flag=True, help="Finish the migration that was cut off after its commit.")
@click.option("--undo", is_flag=True, help="Take back the migration that was cut off after its commit.")
@click.option("--json", "as_json", is_flag=True, help="Print one report on stdout, everything else on stderr.")
@click.option("--quiet", is_flag=True, help="Show what needs attention, errors, and where the report is; no more.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def migrate_to_system(  # noqa: PLR0913 - what is no option of the migration itself
    *, root: Path | None, resume: bool, undo: bool, as_json: bool, quiet: bool, yes: bool, **asked: Any
) -> None:
    """Move a single-user installation to the system-wide one on PostgreSQL.

    The old installation is only read. The target is empty or complete, never between. Every value is compared, the
    real daemon is booted on the result, and the rollback is printed. A migration that was cut off by kill -9 or a power
    loss is finished or taken back by the next one.
    """
    if resume and undo:
        raise click.UsageError("--resume and --undo exclude each other")
    recovery = Recovery.RESUME if resume else Recovery.UNDO if undo else None
    options = Options(root=root.absolute() if root else None, recovery=recovery, **asked)
    screen = Screen(may_ask=sys.stdin.isatty(), agreed=yes, with_findings=as_json, quiet=quiet)
    report = run_migration(options, screen)
    show_report(report, as_json=as_json, quiet=quiet)
    sys.exit(report.exit_code)


def run_migration(options: Options, screen: Screen) -> Report:
    """Migrate with progress on stderr; an interrupt before the first step ends the program with 130."""
    # What is to be private has its mode from the start; the rest has to be readable by the service user.
    os.umask(0o022)
    with screen:
        try:
            return asyncio.run(_cancellable(options, screen))
        except asyncio.CancelledError:
            click.echo("interrupted; nothing was written", err=True)
            sys.exit(Exit.INTERRUPTED)


async def _cancellable(options: Options, screen: Screen) -> Report:
    """Let the first signal to end take the migration back, and later ones wait for that."""
    task = asyncio.ensure_future(migrate(options, os.environ, screen))
    loop = asyncio.get_running_loop()
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            screen.say("already taking everything back; this must not be cut off")
            return
        asked = True
        task.cancel()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        # Otherwise somebody said nohup.
        numbers.append(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, stop)
    try:
        return await task
    finally:
        # All is done or taken back; a signal from here on would only cut off the report and the exit code.
        for number in numbers:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


def show_report(report: Report, *, as_json: bool, quiet: bool = False) -> None:
    """Print the report: as JSON, or as a page for people."""
    if as_json:
        click.echo(json.dumps(report.to_json(), indent=2))
    else:
        print_page(report, quiet=quiet)
