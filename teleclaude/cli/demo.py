"""`teleclaude demo`: a real sample installation, a real PostgreSQL, the real migration."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import click
from sqlalchemy import URL, text

from teleclaude.cli.interruptible import run_interruptible
from teleclaude.cli.migrate_to_system import run_migration, show_report
from teleclaude.cli.page import save_picture
from teleclaude.cli.screen import Screen
from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import make_installation
from teleclaude.demo.postgres import require_room, running_server
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.options import Options

_ORDINARY_UID = 65534
"""The account nobody of Linux, which every installation has."""


@click.command(epilog="Example: teleclaude demo --keep")
@click.option("--json", "as_json", is_flag=True, help="Print one report on stdout, everything else on stderr.")
@click.option("--keep", is_flag=True, help="Keep the sample and the result; the server is removed in any case.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Save a picture of the last page.")
def demo(as_json: bool, keep: bool, svg: Path | None) -> None:
    """Migrate a sample installation to a PostgreSQL server of its own, and show the result."""
    require_room()
    folder = Path(tempfile.mkdtemp(prefix="teleclaude-demo-"))
    try:
        report = _run(folder, Screen(may_ask=False, agreed=True, with_findings=as_json))
        show_report(report, as_json=as_json)
        if svg is not None:
            save_picture(report, svg)
    finally:
        if not keep:
            shutil.rmtree(folder)
    kept = f"kept: {folder}" if keep else "the server and the folders are removed; use --keep to keep the folders"
    click.echo(kept, err=True)
    sys.exit(report.exit_code)


def _run(folder: Path, screen: Screen) -> Report:
    sample = make_installation(folder)
    click.echo(f"a sample installation in {folder}", err=True)
    with running_server(os.environ) as server:
        click.echo(f"PostgreSQL from {server.origin}", err=True)
        run_interruptible(_create_database(server.url, "teleclaude_demo"))
        options = Options(
            source=sample.checkout,
            home=sample.home,
            target=server.url.set(database="teleclaude_demo").render_as_string(hide_password=False),
            root=folder / "root",
            person="Ada",
            # No session should belong to root.
            uid=os.getuid() or _ORDINARY_UID,
        )
        return run_migration(options, screen)


async def _create_database(server: URL, name: str) -> None:
    """Create an empty database."""
    async with disposing(make_engine(server)) as engine, engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
