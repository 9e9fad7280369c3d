"""`teleclaude daemon`: serve, or boot read-only and say what was seen."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import click

from teleclaude.daemon.boot import boot, find_installation
from teleclaude.daemon.probe import probe
from teleclaude.daemon.serve import serve
from teleclaude.errors import Exit


@click.command(epilog="Examples: teleclaude daemon | teleclaude daemon --probe --root /tmp/trial")
@click.option(
    "--probe", "only_probe", is_flag=True, help="Boot read-only without serving, print a JSON verdict, leave."
)
@click.option("--root", type=click.Path(path_type=Path), help="Put every system path below this directory.")
def daemon(only_probe: bool, root: Path | None) -> None:
    """Serve the system-wide installation, or the single-user one in the current directory."""
    root = root.absolute() if root else None
    if only_probe:
        verdict = asyncio.run(probe(root, os.environ, Path.cwd()))
        click.echo(json.dumps(verdict.to_json(), indent=2))
        sys.exit(Exit.DONE if verdict.ok else Exit.REFUSED)
    asyncio.run(_serve(root))


async def _serve(root: Path | None) -> None:
    async with boot(find_installation(root, os.environ, Path.cwd())) as booted:
        await serve(booted, lambda path: click.echo(f"teleclaude: listening on {path}", err=True))
    click.echo("teleclaude: stopped", err=True)
