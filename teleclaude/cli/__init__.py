"""The command line: one small file a verb, and the only place that prints."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
from importlib import import_module

import click

from teleclaude import __version__
from teleclaude.cli.outlet import open_outlet
from teleclaude.errors import Exit, TeleClaudeError
from teleclaude.printable import printable

MODULES = {
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
"""Where each command is; its function has the name of the command."""

ENVIRONMENT = """\b
PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSERVICE
    As libpq reads them: what a target leaves open.
TELECLAUDE_SYSTEM_MODE
    With 1, the daemon serves the system-wide installation.
TELECLAUDE_CONFIG_PATH, TELECLAUDE_SECRETS_PATH, TELECLAUDE_USER_CONFIG_PATH
    Other places of the three files.
NO_COLOR
    With any value, nothing is coloured.
"""
"""What the program reads of the environment, for `--help` and the manual page."""


class Commands(click.Group):
    """The commands, each imported when it is asked for: a shell that completes a flag waits for no database driver."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None where there is none of that name."""
        if cmd_name not in MODULES:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{MODULES[cmd_name]}"), cmd_name.replace("-", "_"))
        return command


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Environment:\n\n{ENVIRONMENT}",
)
@click.version_option(__version__, prog_name="teleclaude")
@click.pass_context
def cli(context: click.Context) -> None:
    """TeleClaude keeps AI terminal sessions, memory and hooks."""
    if os.environ.get("NO_COLOR"):
        # rich does so by itself.
        context.color = False


def main() -> None:
    """Run the command line; whatever goes wrong is one sentence and an exit code."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, open_outlet(stream))
    try:
        cli()
    except TeleClaudeError as error:
        say_error(error)
        sys.exit(Exit.REFUSED)
    except Exception as error:
        with tempfile.NamedTemporaryFile("w", prefix="teleclaude-", suffix=".traceback", delete=False) as file:
            file.write(traceback.format_exc())
        click.echo(f"teleclaude: a bug: {type(error).__name__}\n  → please report it with {file.name}", err=True)
        sys.exit(Exit.BUG)


def say_error(error: TeleClaudeError) -> None:
    """Say what is wrong, and the remedy, on stderr."""
    click.echo(f"teleclaude: {printable(error.message)}\n  → {printable(error.hint)}", err=True)
