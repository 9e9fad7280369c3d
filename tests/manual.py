"""The manual page, made by click-man from what the commands say of themselves; `./run man` writes docs/teleclaude.1."""

from __future__ import annotations

import copy
import re
import sys
from datetime import UTC, datetime
from inspect import cleandoc

import click
from click_man.core import generate_man_page

from teleclaude import __version__
from teleclaude.cli import ENVIRONMENT, cli
from tests.support.pages import commands

_ESCAPES = str.maketrans({"\\": "\\e", "-": "\\-", "^": "\\(ha", "~": "\\(ti"})
"""What roff would take for something else; a hyphen stays one that can be copied."""


def to_roff(date: str) -> str:
    """Return one page with a section for each command; `date` is the day of its last change."""
    # No word is cut in two: many are names and flags.
    page = _make_page("teleclaude", cli, date).replace("\n", "\n.nh\n.ad l\n", 1)
    for name, command in commands(cli, "teleclaude ").items():
        body = _make_page(name, command, date).partition(".SH SYNOPSIS\n")[2].replace("\n.SH ", "\n.SS ")
        page += f".SH {name.upper().translate(_ESCAPES)}\n{body}.PP\n{_to_text(command.epilog or '')}\n"
    return f"{page}.SH ENVIRONMENT\n{_to_text(ENVIRONMENT)}\n.SH SEE ALSO\n.BR psql (1)\n"


def _make_page(name: str, command: click.Command, date: str) -> str:
    """Return the page of one command; what it says is escaped here, because click-man escapes options alone."""
    shown = copy.copy(command)
    shown.help = _to_text(command.help or "")
    # The line of `whatis`; click-man would cut it off at 45 letters.
    shown.short_help = shown.help.removeprefix("TeleClaude ").rstrip(".")
    shown.params = [copy.copy(parameter) for parameter in command.params]
    for option in shown.params:
        if isinstance(option, click.Option):
            option.help = _to_text(option.help or "")
    return str(generate_man_page(click.Context(shown, info_name=name.translate(_ESCAPES)), __version__, date))


def _to_text(text: str) -> str:
    """Return paragraphs for roff; those that click leaves as they are, as they are."""
    escaped = re.sub(r"^(?=[.'])", r"\\&", cleandoc(text).translate(_ESCAPES), flags=re.MULTILINE)
    return re.sub(r"\x08\n(.*?)(?=\n\n|\Z)", r".nf\n\1\n.fi", escaped, flags=re.DOTALL).replace("\n\n", "\n.PP\n")


if __name__ == "__main__":
    sys.stdout.write(to_roff(f"{datetime.now(UTC):%Y-%m-%d}"))
