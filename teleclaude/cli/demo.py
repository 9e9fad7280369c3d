"""`teleclaude demo`: a real sample installation, a real PostgreSQL, the real migration."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
from sqlalchemy import URL, text

from teleclaude.cli.interruptible import run_interruptible
from teleclaude.cli.migrate_to_system import run_migration, show_report
from teleclaude.cli.page import save_picture
from teleclaude.cli.screen import Screen
from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import make_installation
from teleclaude.demo.postgres import Server, find_binaries, require_room, running_server, staying_server
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.options import Options
from teleclaude.migration.state.workspace import write_private

_PASSWORDS = "pgpass"
_ORDINARY_UID = 65534
"""The account nobody of Linux, which every installation has."""


@click.command(epilog="Example: teleclaude demo --keep")
@click.option("--json", "as_json", is_flag=True, help="Print one report on stdout, everything else on stderr.")
@click.option("--keep", is_flag=True, help="Keep sample, result and server running, and say how to look around.")
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Save a picture of the last page.")
def demo(as_json: bool, keep: bool, svg: Path | None) -> None:
    """Migrate a sample installation to a PostgreSQL server of its own, and show the result."""
    require_room()
    folder = Path(tempfile.mkdtemp(prefix="teleclaude-demo-"))
    try:
        with staying_server(os.environ) if keep else _passing_server() as (server, end):
            report = _run(folder, server, Screen(may_ask=False, agreed=True, with_findings=as_json))
        if svg is not None:
            save_picture(report, svg)
    except BaseException:
        shutil.rmtree(folder)
        raise
    if not keep:
        shutil.rmtree(folder)
        # Nothing is named that is gone.
        report = replace(report, header={**report.header, "folder_kept": False}, next=(), undo=())
    show_report(report, as_json=as_json)
    for line in _tell_around(report, folder, end):
        click.echo(line, err=True)
    sys.exit(report.exit_code)


@contextmanager
def _passing_server() -> Iterator[tuple[Server, None]]:
    with running_server(os.environ) as server:
        yield server, None


def _tell_around(report: Report, folder: Path, end: Path | None) -> Iterator[str]:
    """Yield how to look around in what is kept, in commands that can be pasted, and how to remove it."""
    if end is None:
        yield "the server and the folders are removed; use --keep to look around in them"
        return
    root, run = folder / "root", shlex.quote(str(report.header["folder"]))
    database = shlex.quote(str(report.header["target"]["url"]).replace(":***@", "@"))
    programs, _ = find_binaries(os.environ)
    places = ":".join(shlex.quote(str(place)) for place in (Path(sys.executable).parent, programs))
    yield "To look around, while the server runs:"
    yield f'  export PATH={places}:"$PATH"'
    yield f"  teleclaude verify --report {run}"
    yield f"  teleclaude report {run} --tables"
    yield f"  psql {database}"
    yield f"  teleclaude daemon --root {shlex.quote(str(root))}  # in another terminal"
    yield f"  teleclaude sessions --root {shlex.quote(str(root))}"
    yield "To remove everything:"
    yield f"  echo >{end}; rm -rf {folder}"


def _run(folder: Path, server: Server, screen: Screen) -> Report:
    sample = make_installation(folder)
    click.echo(f"a sample installation, and PostgreSQL from {server.origin}", err=True)
    url = _with_password_file(server.url.set(database="teleclaude_demo"), folder / _PASSWORDS)
    run_interruptible(_create_database(server.url, "teleclaude_demo"))
    options = Options(
        source=sample.checkout,
        home=sample.home,
        target=url.render_as_string(hide_password=False),
        root=folder / "root",
        person="Ada",
        # No session should belong to root.
        uid=os.getuid() or _ORDINARY_UID,
    )
    return run_migration(options, screen)


def _with_password_file(url: URL, file: Path) -> URL:
    """Return a URL that names a new password file (PostgreSQL manual, section 34.16) instead of the password."""
    write_private(file, f"*:*:*:{url.username}:{url.password}\n")
    return URL.create(url.drivername, url.username, database=url.database, query={**url.query, "passfile": str(file)})


async def _create_database(server: URL, name: str) -> None:
    """Create an empty database."""
    async with disposing(make_engine(server)) as engine, engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(f'CREATE DATABASE "{name}"'))
