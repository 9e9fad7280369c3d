"""`teleclaude sessions`: ask the running daemon."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from teleclaude.cli import root_option
from teleclaude.cli.interruptible import run_interruptible
from teleclaude.daemon.boot import find_socket
from teleclaude.daemon.client import list_sessions
from teleclaude.printable import printable


@click.command(epilog="Example: teleclaude sessions --closed --json")
@click.option("--json", "as_json", is_flag=True, help="Print what the daemon answers.")
@click.option("--closed", is_flag=True, help="List closed sessions too.")
@root_option
def sessions(as_json: bool, closed: bool, root: Path | None) -> None:
    """List the sessions of the running daemon: as a table on a terminal, else one line each, separated by tabs."""
    listed = run_interruptible(list_sessions(find_socket(root, os.environ), closed=closed))
    if as_json:
        click.echo(json.dumps(listed, indent=2))
    elif sys.stdout.isatty():
        Console().print(show(listed))
        click.echo(f"{len(listed)} session{'' if len(listed) == 1 else 's'}")
    else:
        for session in listed:
            click.echo("\t".join(_to_cells(session)))


def show(listed: list[dict[str, Any]]) -> Table:
    """Return the sessions as a table. A title may hold anything, so it is no markup."""
    table = Table("session", "title", "status", "agent", "computer", box=None)
    table.add_column("last activity", no_wrap=True)
    for session in listed:
        table.add_row(*map(Text, _to_cells(session)))
    return table


def _to_cells(session: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a session, without control characters, tabs and ends of lines."""
    names = ("session_id", "title", "status", "active_agent", "computer")
    last = str(session["last_activity"] or "")[:16].replace("T", " ")
    return tuple(printable(said or "") for said in (*(session[name] for name in names), last))
