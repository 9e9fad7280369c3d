"""`teleclaude sessions`: ask the running daemon."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from teleclaude.daemon.boot import find_socket
from teleclaude.daemon.client import list_sessions


@click.command(epilog="Example: teleclaude sessions --closed --json")
@click.option("--json", "as_json", is_flag=True, help="Print what the daemon answers.")
@click.option("--closed", is_flag=True, help="List closed sessions too.")
@click.option("--root", type=click.Path(path_type=Path), help="Ask the daemon that runs below this directory.")
def sessions(as_json: bool, closed: bool, root: Path | None) -> None:
    """List the sessions of the running daemon."""
    socket = find_socket(root.absolute() if root else None, os.environ)
    listed = asyncio.run(list_sessions(socket, closed=closed))
    if as_json:
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
        return
    table = Table("session", "title", "status", "agent", "computer", "last activity", box=None)
    for session in listed:
        names = ("session_id", "title", "status", "active_agent", "computer", "last_activity")
        table.add_row(*(str(session[name] or "") for name in names))
    Console().print(table)
    click.echo(f"{len(listed)} sessions")
