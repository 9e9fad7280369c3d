"""The manual page, from what the commands say of themselves; `./run man` writes it to docs/teleclaude.1."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from teleclaude import __version__
from teleclaude.cli import cli

_ENVIRONMENT = {
    "PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSERVICE": "As libpq reads them: what a target leaves open.",
    "TELECLAUDE_SYSTEM_MODE": "With 1, the daemon serves the system-wide installation.",
    "TELECLAUDE_CONFIG_PATH, TELECLAUDE_SECRETS_PATH, TELECLAUDE_USER_CONFIG_PATH": "Other places of the three files.",
    "NO_COLOR": "With any value, nothing is coloured.",
}

_BEFORE_FORMATTING = "\b\n"
"""How click is told to leave the lines of a paragraph as they are."""


def to_roff(date: str) -> str:
    """Return the page in the language of man(7); `date` is the day of its last change."""
    return "\n".join([*_head(date), *_commands(cli, "teleclaude"), *_environment(), *_foot()]) + "\n"


def _head(date: str) -> Iterator[str]:
    about = (cli.help or "").rstrip(".")
    yield f'.TH TELECLAUDE 1 "{date}" "teleclaude {__version__}" "User Commands"'
    # No word is cut in two: many are names and flags.
    yield from (".nh", ".ad l", ".SH NAME")
    yield f"teleclaude \\- {_escaped(about.removeprefix('TeleClaude '))}"
    yield ".SH SYNOPSIS"
    yield ".B teleclaude"
    yield r"[\fB\-\-help\fP] [\fB\-\-version\fP] \fIcommand\fP [\fIargument\fP ...]"
    yield ".SH COMMANDS"


def commands_of(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Yield the commands of a group with their names, in the order of these."""
    context = click.Context(group)
    for name in sorted(group.list_commands(context)):
        command = group.get_command(context, name)
        assert command is not None
        yield name, command


def _commands(group: click.Group, path: str) -> Iterator[str]:
    """Yield every command that does something, in the order of their names."""
    for name, command in commands_of(group):
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield from _command(command, f"{path} {name}")


def _command(command: click.Command, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_escaped(path)} {_escaped(usage)}"
    yield from _text(command.help or "")
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            yield from (".TP", f"\\fB{_escaped(record[0])}\\fP", *_filled(record[1]))
    if command.epilog:
        yield from (".PP", *_text(command.epilog))


def _text(text: str) -> Iterator[str]:
    """Yield paragraphs; those that click leaves as they are, as they are."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip("\n"))):
        if number:
            yield ".PP"
        if paragraph.startswith(_BEFORE_FORMATTING):
            yield from (".nf", *map(_escaped, paragraph.removeprefix(_BEFORE_FORMATTING).splitlines()), ".fi")
        else:
            yield from _filled(paragraph)


def _filled(paragraph: str) -> Iterator[str]:
    """Yield a paragraph in short lines, which differ less when a word of it changes."""
    yield from map(_escaped, textwrap.wrap(" ".join(paragraph.split()), 70, break_on_hyphens=False))


def _environment() -> Iterator[str]:
    yield ".SH ENVIRONMENT"
    for names, meaning in _ENVIRONMENT.items():
        yield from (".TP", f"\\fB{names}\\fP", *_filled(meaning))


def _foot() -> Iterator[str]:
    yield ".SH SEE ALSO"
    yield ".BR psql (1)"


def _escaped(text: str) -> str:
    """Return a line that roff prints as it is: no escape, no request, and a hyphen that can be copied."""
    line = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    return f"\\&{line}" if line.startswith((".", "'")) else line


if __name__ == "__main__":
    sys.stdout.write(to_roff(f"{datetime.now(UTC):%Y-%m-%d}"))
