"""`teleclaude self-check`: every fault of the installation, with its remedy."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from teleclaude import __version__
from teleclaude.checks.delegate import judge_as
from teleclaude.checks.look import look_at_installation
from teleclaude.checks.result import Result, State
from teleclaude.checks.table import is_well, judge
from teleclaude.cli import root_option
from teleclaude.cli.interruptible import run_interruptible
from teleclaude.daemon.service_user import find_identity_to_take, refuse_trial_of_another
from teleclaude.errors import Exit
from teleclaude.layout import make_layout
from teleclaude.platform.names import HERE
from teleclaude.printable import printable

_STATES = {
    State.PASS: ("✓", "green", "passed"),
    State.SKIPPED: ("-", "cyan", "skipped"),
    State.WARNING: ("!", "yellow", "to look at"),
    State.FAILURE: ("✗", "red", "failed"),
}
"""The sign of a state, its colour and its word."""


@click.command("self-check", epilog="Examples: sudo teleclaude self-check | teleclaude self-check --root /tmp/trial")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
@root_option
def self_check(as_json: bool, root: Path | None) -> None:
    """Check the system-wide installation; each warning and each failure comes with its remedy.

    Nothing is changed. Run by root, it checks as the service user. The exit code is 0 where nothing failed, else 3.
    """
    results = _check(root)
    if as_json:
        shown = [result.to_json() for result in results]
        click.echo(json.dumps({"version": __version__, "ok": is_well(results), "checks": shown}, indent=2))
    else:
        for result in results:
            _show(result, "")
        click.echo(_sum_up(results))
    sys.exit(Exit.DONE if is_well(results) else Exit.REFUSED)


def _check(root: Path | None) -> tuple[Result, ...]:
    layout = make_layout(HERE, root, os.environ)
    refuse_trial_of_another(layout)
    identity = find_identity_to_take(layout)
    if identity is not None:
        return judge_as(identity, layout.service_user, os.environ)
    return judge(run_interruptible(look_at_installation(root, os.environ, HERE)))


def _show(result: Result, indent: str) -> None:
    sign, colour, _ = _STATES[result.state]
    click.echo(f"{indent}{click.style(sign, colour)} {printable(result.name)}: {printable(result.problem.message)}")
    if result.problem.hint:
        click.echo(f"{indent}  → {printable(result.problem.hint)}")
    for part in result.parts:
        _show(part, f"{indent}  ")


def _sum_up(results: tuple[Result, ...]) -> str:
    found = [leaf.state for result in results for leaf in result.leaves()]
    return ", ".join(f"{found.count(state)} {word}" for state, (*_, word) in _STATES.items() if found.count(state))
