"""The command line: one small file for each command, and the only package that prints."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
from importlib import import_module

import click

from teleclaude import __version__
from teleclaude.cli import problems
from teleclaude.cli.outlet import open_outlet
from teleclaude.errors import Exit, Problem, TeleClaudeError
from teleclaude.printable import printable

_MODULES = {
    "completion": "completion",
    "config": "config",
    "daemon": "daemon",
    "demo": "demo",
    "migrate-to-system": "migrate",
    "self-check": "self_check",
    "sessions": "sessions",
    "upgrade": "upgrade",
    "verify": "verify",
}
"""The module of each command; the function has the name of the command."""

ENVIRONMENT = """\b
PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSERVICE
    Read as libpq reads them, for what --target leaves out.
TELECLAUDE_SYSTEM_MODE
    With 1, the daemon serves the system-wide installation.
TELECLAUDE_CONFIG_PATH, TELECLAUDE_SECRETS_PATH, TELECLAUDE_USER_CONFIG_PATH
    The paths of the three configuration files, instead of the usual ones.
NO_COLOR
    With any value, the output has no colours.
"""
"""The variables that the program reads, for `--help` and the manual page."""


class _Commands(click.Group):
    """The commands, each imported when it is used, so that completion does not wait for a database driver."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None for an unknown name."""
        if cmd_name not in _MODULES:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{_MODULES[cmd_name]}"), cmd_name.replace("-", "_"))
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Environment:\n\n{ENVIRONMENT}",
)
@click.version_option(__version__, prog_name="teleclaude")
@click.pass_context
def cli(context: click.Context) -> None:
    """TeleClaude keeps AI terminal sessions, memory and hooks."""
    if os.environ.get("NO_COLOR"):
        # rich reads NO_COLOR by itself.
        context.color = False


def main() -> None:
    """Run the command line; every error becomes one sentence, its remedy, and an exit code."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, open_outlet(stream))
    try:
        cli()
    except TeleClaudeError as error:
        show_problem(error.problem)
        sys.exit(Exit.REFUSED)
    except Exception as error:
        with tempfile.NamedTemporaryFile("w", prefix="teleclaude-", suffix=".traceback", delete=False) as file:
            file.write(traceback.format_exc())
        show_problem(problems.BUG.fill(name=type(error).__name__, file=file.name))
        sys.exit(Exit.BUG)


def show_problem(problem: Problem) -> None:
    """Print a sentence and its remedy on stderr."""
    click.echo(f"teleclaude: {printable(problem.message)}\n  → {printable(problem.hint)}", err=True)
