"""`teleclaude audit`: read the audit log of the running daemon."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from teleclaude.cli import root_option
from teleclaude.cli.interruptible import run_interruptible
from teleclaude.daemon.boot import find_socket
from teleclaude.daemon.client import list_audit
from teleclaude.printable import printable

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


@click.command(epilog="Example: teleclaude audit --action close_idle --since 2026-03-01")
@click.option("--json", "as_json", is_flag=True, help="Print what the daemon answers.")
@click.option("--actor", metavar="NAME", help="Only what this person did.")
@click.option("--action", metavar="NAME", help="Only this action, such as read_session.")
@click.option("--session", metavar="ID", help="Only what was done to this session.")
@click.option("--since", type=_MOMENT, help="Only from this moment on, in local time unless it has an offset.")
@click.option("--until", type=_MOMENT, help="Only before this moment.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="How many rows, the newest.")
@root_option
def audit(as_json: bool, limit: int, root: Path | None, **wanted: str | datetime | None) -> None:
    """List the audit log, the newest row first: who did or saw what of somebody else's.

    Administrators may ask. Moments are printed in UTC.
    """
    said = {name: _to_text(value) for name, value in wanted.items() if value is not None}
    rows = run_interruptible(list_audit(find_socket(root, os.environ), said, limit))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif sys.stdout.isatty():
        table = Table("moment", "actor", "action", "session", "detail", box=None)
        for row in rows:
            table.add_row(*map(Text, _to_cells(row)))
        Console().print(table)
    else:
        for row in rows:
            click.echo("\t".join(_to_cells(row)))


def _to_text(value: str | datetime) -> str:
    return value if isinstance(value, str) else value.astimezone().isoformat()


def _to_cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a row, without control characters, tabs and ends of lines."""
    detail = "" if row["detail"] is None else json.dumps(row["detail"], ensure_ascii=False)
    moment = row["timestamp"][:19].replace("T", " ")
    return tuple(printable(cell or "") for cell in (moment, row["actor"], row["action"], row["session"], detail))
