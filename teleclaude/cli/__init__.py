"""The command line: one small file for each command, and the only package that prints."""

from __future__ import annotations

import gc
import os
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from teleclaude import __version__, interrupt
from teleclaude.cli import problems
from teleclaude.cli.outlet import flush_outlets, open_outlets
from teleclaude.errors import Exit, Problem, TeleClaudeError
from teleclaude.interrupt import Interrupted
from teleclaude.printable import printable

_COMMANDS = {
    "audit": "List the audit log, the newest row first: who did or saw what of somebody else's.",
    "completion": "Print the completion script of a shell, for its start file.",
    "config": "Work on configuration files.",
    "daemon": "Serve the system-wide installation, or the single-user one in the current directory.",
    "demo": "Migrate a sample installation to a PostgreSQL server of its own, and show the result.",
    "hook": "Hand an event of an AI agent to the daemon: the hooks of Claude Code, Gemini CLI and Codex CLI run it.",
    "migrate-to-system": "Move a single-user installation to the system-wide one on PostgreSQL.",
    "report": "Print the report of a migration as text, with everything that needs attention.",
    "self-check": "Check the system-wide installation; each warning and each failure comes with its remedy.",
    "sessions": "List the sessions of the running daemon: as a table on a terminal, else one line each, "
    "separated by tabs.",
    "upgrade": "Bring the database and all its rows to the schema that this program needs.",
    "verify": "Compare every value of the old databases with PostgreSQL once more; neither is changed.",
}
"""The commands, each with the first sentence of its help; module and function have the name of the command."""

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

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    callback=lambda _context, _option, root: root.absolute() if root else None,
    help="Put this directory before every system path: a trial needs no privileges.",
)
"""The option `--root` of a command; its value is absolute."""


class _Commands(click.Group):
    """The commands, each imported when it is used, so that a list of them does not wait for a database driver."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, None for an unknown name."""
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        # Thousands of classes are made, none of them garbage: the collector would take a tenth of the time to see that.
        gc.disable()
        command: click.Command = getattr(import_module(f"{__name__}.{name}"), name)
        gc.freeze()
        gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called, and its words; NoSuchCommand names the nearest for an unknown one."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=_COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands and flags that begin with a word."""
        named = (CompletionItem(name, help=about) for name, about in _COMMANDS.items() if name.startswith(incomplete))
        # The group's own would import every command.
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"Environment:\n\n{ENVIRONMENT}",
)
@click.version_option(__version__, prog_name="teleclaude")
@click.pass_context
def cli(context: click.Context) -> None:
    """TeleClaude keeps AI terminal sessions, memory and hooks."""
    # The command is imported, and only now there may be something to clean up.
    interrupt.clean_up_first()
    if os.environ.get("NO_COLOR"):
        # rich reads NO_COLOR by itself.
        context.color = False


class Settled(SystemExit):
    """The end of a command that changes something; its code says what became of the data, whatever else fails."""

    def __init__(self, code: int, kept: str) -> None:
        super().__init__(code)
        self.kept = kept


@contextmanager
def settled(code: int, kept: str = "read the exit code: it says what became of the data") -> Iterator[None]:
    """Show the outcome of a command, and end with `code` even where that fails; `kept` says where else the outcome is.

    Raises Settled.
    """
    try:
        yield
    except Exception as error:
        _show_bug(error)
    raise Settled(code, kept)


def main() -> NoReturn:
    """Run the command line and end the process; every error becomes one sentence, its remedy, and an exit code."""
    stdout = open_outlets()
    ended = _run()
    if not isinstance(ended, Settled):
        interrupt.end_at_once()
    flush_outlets()
    code = Exit.DONE if ended.code is None else int(ended.code)
    if stdout.lost is not None:
        code = _tell_lost(stdout.lost, ended, code)
    # At once: a signal while the interpreter takes itself apart would end in a traceback or another exit code.
    os._exit(code)


def _run() -> SystemExit:
    """Run the command line, and return how it ends."""
    try:
        cli()
    except Interrupted as interrupted:
        interrupt.end(interrupted.outcome)
    except SystemExit as ended:
        return ended
    except TeleClaudeError as error:
        show_problem(error.problem)
        return SystemExit(Exit.REFUSED)
    except OSError as error:
        # What has changed something takes it back, or ends as settled; so nothing was changed.
        show_problem(_explain(error))
        return SystemExit(Exit.REFUSED)
    except Exception as error:
        _show_bug(error)
        return SystemExit(Exit.BUG)
    return SystemExit(Exit.DONE)


def _explain(error: OSError) -> Problem:
    try:
        Path.cwd()
    except OSError:
        return problems.DIRECTORY_GONE
    subject, reason = error.filename or "the system", error.strerror or type(error).__name__
    return problems.SYSTEM_REFUSED.fill(subject=subject, reason=reason)


def _show_bug(error: Exception) -> None:
    """Say that an error is a bug, and name the file with its traceback."""
    name = type(error).__name__
    try:
        with tempfile.NamedTemporaryFile("w", prefix="teleclaude-", suffix=".traceback", delete=False) as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError as trouble:
        show_problem(problems.BUG_NOT_KEPT.fill(name=name, reason=trouble.strerror))
    else:
        show_problem(problems.BUG.fill(name=name, file=file.name))


def _tell_lost(lost: OSError, ended: SystemExit, code: int) -> int:
    """Say that the output was lost, and return the exit code: a command that only prints has not done its work."""
    if isinstance(ended, Settled):
        show_problem(problems.OUTCOME_LOST.fill(reason=lost.strerror, kept=ended.kept))
        return code
    show_problem(problems.OUTPUT_LOST.fill(reason=lost.strerror))
    return code or Exit.REFUSED


def show_problem(problem: Problem) -> None:
    """Print a sentence and its remedy on stderr."""
    click.echo(f"teleclaude: {printable(problem.message)}\n  → {printable(problem.hint)}", err=True)
