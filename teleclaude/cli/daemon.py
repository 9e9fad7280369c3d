"""`teleclaude daemon`: serve, or boot read-only and print a verdict."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

import click
from pydantic import TypeAdapter, ValidationError

from teleclaude.checks.look import look_at_installation
from teleclaude.checks.result import State
from teleclaude.checks.table import AT_PROBE, find_problems, judge
from teleclaude.cli import root_option
from teleclaude.cli.interruptible import run_interruptible
from teleclaude.daemon.boot import boot, find_installation
from teleclaude.daemon.logs import start_logging
from teleclaude.daemon.probe import Verdict, probe
from teleclaude.daemon.serve import serve
from teleclaude.db.search.places import PLACES, Search
from teleclaude.errors import Exit
from teleclaude.platform.names import HERE


@click.command(epilog="Examples: teleclaude daemon | teleclaude daemon --probe --root /tmp/trial")
@click.option("--probe", "only_probe", is_flag=True, help="Boot read-only without serving, print a JSON verdict, exit.")
@click.option(
    "--searches",
    type=click.File(encoding="utf-8"),
    help='With --probe: a JSON list of searches to run, [{"table": "mirrors", "text": "db*"}]; - is standard input.',
)
@click.option("--deliver", is_flag=True, help="With --root: deliver the hook events that the migration brought, too.")
@root_option
def daemon(only_probe: bool, searches: TextIO | None, deliver: bool, root: Path | None) -> None:
    """Serve the system-wide installation, or the single-user one in the current directory.

    With --root it is the daemon of a trial: it leaves the hook events that the migration brought, which the old daemon
    still has, and delivers those that it receives.
    """
    if deliver and root is None:
        raise click.UsageError("--deliver is for a trial: without --root every event is delivered")
    if only_probe:
        verdict = run_interruptible(judged_probe(root, os.environ, Path.cwd(), _read_searches(searches)))
        click.echo(json.dumps(asdict(verdict), indent=2))
        sys.exit(Exit.DONE if verdict.ok else Exit.REFUSED)
    run_interruptible(_serve(root, only_later=root is not None and not deliver))


async def judged_probe(root: Path | None, environ: Mapping[str, str], folder: Path, searches: list[Search]) -> Verdict:
    """Boot read-only, and add what the self-check finds that keeps no daemon from booting."""
    verdict = await probe(root, environ, folder, searches)
    if verdict.ok and verdict.backend == "postgresql":
        results = judge(await look_at_installation(root, environ, HERE, lists=False), AT_PROBE)
        verdict.problems += find_problems(results, State.FAILURE)
        verdict.findings += find_problems(results, State.WARNING)
        verdict.ok = not verdict.problems
    return verdict


def _read_searches(file: TextIO | None) -> list[Search]:
    try:
        searches = TypeAdapter(list[Search]).validate_json(file.read()) if file else []
    except ValidationError as error:
        raise click.UsageError("--searches takes a JSON list of objects with `table` and `text`") from error
    for search in searches:
        if search.table not in PLACES:
            raise click.UsageError(f"{search.table} cannot be searched, only {' and '.join(PLACES)}")
    return searches


async def _serve(root: Path | None, *, only_later: bool) -> None:
    installation = find_installation(root, os.environ, Path.cwd())
    start_logging(installation.settings.environment)
    async with boot(installation, only_later=only_later) as booted:
        await serve(booted)
