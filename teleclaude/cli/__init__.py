"""The command line: one small file for each command, and the only package that prints."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from teleclaude import __version__
from teleclaude.cli import problems
from teleclaude.errors import Exit, Problem, TeleClaudeError
from teleclaude.printable import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_COMMANDS = {
    "completion": "Print the completion script of a shell, for its start file.",
    "config": "Work on configuration files.",
    "daemon": "Serve the system-wide installation, or the single-user one in the current directory.",
    "demo": "Migrate a sample installation to a PostgreSQL server of its own, and show the result.",
    "migrate-to-system": "Move a single-user installation to the system-wide one on PostgreSQL.",
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
        command: click.Command = getattr(import_module(f"{__name__}.{name}"), name)
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
    if os.environ.get("NO_COLOR"):
        # rich reads NO_COLOR by itself.
        context.color = False


def main() -> None:
    """Run the command line; every error becomes one sentence, its remedy, and an exit code."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _open_outlet(stream))
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


_GONE = {errno.EPIPE, errno.EIO}
"""The errors of a pipe without a reader and of a terminal that was closed."""


class _Outlet(io.FileIO):
    """A stream that drops its output once its reader has gone: the work goes on, and its exit code stays."""

    def write(self, said: ReadableBuffer, /) -> int:
        """Write, or drop the output where nothing reads it; raises OSError for every other reason."""
        try:
            return super().write(said)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return memoryview(said).nbytes


def _open_outlet(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return a replacement of a standard stream; characters that its encoding lacks are escaped."""
    return io.TextIOWrapper(
        io.BufferedWriter(_Outlet(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        # A file name need not be UTF-8.
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def show_problem(problem: Problem) -> None:
    """Print a sentence and its remedy on stderr."""
    click.echo(f"teleclaude: {printable(problem.message)}\n  → {printable(problem.hint)}", err=True)
