"""The command line: one small file a verb, and the only place that prints."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback

import click

from teleclaude import __version__
from teleclaude.cli.completion import completion
from teleclaude.cli.config import config
from teleclaude.cli.daemon import daemon
from teleclaude.cli.demo import demo
from teleclaude.cli.migrate import migrate_to_system
from teleclaude.cli.self_check import self_check
from teleclaude.cli.sessions import sessions
from teleclaude.cli.upgrade import upgrade
from teleclaude.cli.verify import verify
from teleclaude.errors import Exit, TeleClaudeError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="teleclaude")
@click.pass_context
def cli(context: click.Context) -> None:
    """TeleClaude keeps AI terminal sessions, memory and hooks."""
    if os.environ.get("NO_COLOR"):
        # rich does so by itself.
        context.color = False


for command in (migrate_to_system, verify, daemon, self_check, upgrade, sessions, config, demo, completion):
    cli.add_command(command)


def main() -> None:
    """Run the command line; whatever goes wrong is one sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # The name of a file need not be UTF-8.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli()
    except TeleClaudeError as error:
        click.echo(f"teleclaude: {error.message}\n  → {error.hint}", err=True)
        sys.exit(Exit.REFUSED)
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.BUG)
    except Exception as error:
        with tempfile.NamedTemporaryFile("w", prefix="teleclaude-", suffix=".traceback", delete=False) as file:
            file.write(traceback.format_exc())
        click.echo(f"teleclaude: a bug: {type(error).__name__}\n  → please report it with {file.name}", err=True)
        sys.exit(Exit.BUG)
