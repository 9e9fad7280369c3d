"""Where a shell finds the old program: its start files, completions, and commands on the PATH."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from teleclaude.errors import SourceError
from teleclaude.migration.discover.references import Mentions
from teleclaude.migration.source.files import read_file
from teleclaude.migration.source.inventory import Kind, Places, Reference
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.unprivileged import list_links, list_names

START_FILES = (
    *(".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_aliases", ".bash_completion"),
    *(".zshenv", ".zprofile", ".zshrc", ".zlogin", ".config/fish/config.fish"),
)
FISH_PARTS = ".config/fish/conf.d"
"""Read at every start like one file."""

COMMANDS = (".local/bin", "bin", "/usr/local/bin")
COMPLETIONS = (
    *(".zfunc", ".zsh/completions", ".bash_completion.d", ".local/share/bash-completion/completions"),
    *(".config/fish/completions", ".config/fish/functions", "/etc/bash_completion.d"),
    "/usr/local/share/zsh/site-functions",
)
COMMAND = "telec"
"""The command of the old program; a completion of it need not name the checkout."""

FILE_LIMIT = 1 << 20
"""Bytes; a larger file is no script."""


def find_shells(privsep: Privsep, places: Places, mentions: Mentions) -> Iterator[Reference | SourceError]:
    """Yield what leads a shell to the old program, and an error for each place that cannot be looked at."""
    parts = (f"{FISH_PARTS}/{name}" for name in _names(privsep, places.home / FISH_PARTS) if name.endswith(".fish"))
    for name in (*START_FILES, *parts):
        try:
            yield from _in_start_file(privsep, places.home / name, mentions)
        except SourceError as error:
            yield error
    for name in (*COMMANDS, *COMPLETIONS):
        # What is the system's we read ourselves.
        reader = Privsep() if name.startswith("/") else privsep
        with suppress(OSError):
            yield from _in_folder(reader, places.home / name, mentions, completes=name in COMPLETIONS)


def _names(privsep: Privsep, folder: Path) -> list[str]:
    with suppress(OSError):
        return privsep.call(list_names, str(folder))
    return []


def _in_start_file(privsep: Privsep, path: Path, mentions: Mentions) -> Iterator[Reference]:
    with suppress(FileNotFoundError):
        text = read_file(privsep, path, FILE_LIMIT).decode(errors="replace")
        for number, line in enumerate(text.split("\n"), 1):
            if mentions.found_in(line) and not line.lstrip().startswith(("#", ": #")):
                yield Reference(Kind.SHELL, path, mentions.shown(line), (number, number), text=line)


def _in_folder(privsep: Privsep, folder: Path, mentions: Mentions, *, completes: bool) -> Iterator[Reference]:
    """Yield the links into the old installation, the scripts that name it, and the completions of its commands."""
    links = privsep.call(list_links, str(folder))
    for name, (target, real) in links.items():
        if mentions.found_in(real):
            yield Reference(Kind.LINK, folder / name, mentions.shown(target), text=target)
    for name in _names(privsep, folder):
        of_ours = completes and name.removeprefix("_").partition(".")[0] == COMMAND
        if name not in links and not name.startswith(".") and (of_ours or _names_it(privsep, folder / name, mentions)):
            yield Reference(
                Kind.SCRIPT, folder / name, "completes the old command" if completes else "names the old installation"
            )


def _names_it(privsep: Privsep, path: Path, mentions: Mentions) -> bool:
    try:
        return mentions.found_in(read_file(privsep, path, FILE_LIMIT).decode(errors="replace"))
    except (SourceError, OSError):
        # A folder, or something large: no script.
        return False
