"""References to the old program in start files and completions of shells, and commands on the PATH."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from teleclaude.errors import SourceError
from teleclaude.migration.discover.old_paths import OldPaths
from teleclaude.migration.report.events import Finding, warning
from teleclaude.migration.source.files import read_file
from teleclaude.migration.source.installation import Places
from teleclaude.migration.source.inventory import Kind, Reference
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.unprivileged import list_links, list_names

_START_FILES = (
    *(".profile", ".bash_profile", ".bash_login", ".bashrc", ".bash_aliases", ".bash_completion"),
    *(".zshenv", ".zprofile", ".zshrc", ".zlogin", ".config/fish/config.fish"),
)
_FISH_PARTS = ".config/fish/conf.d"
"""The shell reads these at every start, too."""

_COMMANDS = (".local/bin", "bin", "/usr/local/bin")
_COMPLETIONS = (
    *(".zfunc", ".zsh/completions", ".bash_completion.d", ".local/share/bash-completion/completions"),
    *(".config/fish/completions", ".config/fish/functions", "/etc/bash_completion.d"),
    "/usr/local/share/zsh/site-functions",
)
_COMMAND = "telec"
"""The command of the old program; its completions may not name the checkout."""

_FILE_LIMIT = 1 << 20
"""Bytes; a larger file is no script."""


def find_shells(privsep: Privsep, places: Places, old_paths: OldPaths) -> Iterator[Reference | Finding]:
    """Yield the references in files of shells, and a warning for each start file that cannot be read."""
    parts = (f"{_FISH_PARTS}/{name}" for name in _names(privsep, places.home / _FISH_PARTS) if name.endswith(".fish"))
    for name in (*_START_FILES, *parts):
        try:
            yield from _in_start_file(privsep, places.home / name, old_paths)
        except SourceError as error:
            yield warning("cutover", error.problem)
    for name in (*_COMMANDS, *_COMPLETIONS):
        # This process reads the system's folders itself.
        reader = Privsep() if name.startswith("/") else privsep
        with suppress(OSError):
            yield from _in_folder(reader, places.home / name, old_paths, completes=name in _COMPLETIONS)


def _names(privsep: Privsep, folder: Path) -> list[str]:
    with suppress(OSError):
        return privsep.call(list_names, str(folder))
    return []


def _in_start_file(privsep: Privsep, path: Path, old_paths: OldPaths) -> Iterator[Reference]:
    with suppress(FileNotFoundError):
        text = read_file(privsep, path, _FILE_LIMIT).decode(errors="replace")
        for number, line in enumerate(text.split("\n"), 1):
            if old_paths.found_in(line) and not line.lstrip().startswith(("#", ": #")):
                yield Reference(Kind.SHELL, path, old_paths.shown(line), (number, number), text=line)


def _in_folder(privsep: Privsep, folder: Path, old_paths: OldPaths, *, completes: bool) -> Iterator[Reference]:
    """Yield the links into the old installation, the scripts that name it, and the completions of its commands."""
    links = privsep.call(list_links, str(folder))
    for name, (target, real) in links.items():
        if old_paths.found_in(real):
            yield Reference(Kind.LINK, folder / name, old_paths.shown(target), text=target)
    for name in _names(privsep, folder):
        of_ours = completes and name.removeprefix("_").partition(".")[0] == _COMMAND
        if name not in links and not name.startswith(".") and (of_ours or _names_it(privsep, folder / name, old_paths)):
            runs = "completes the old command" if completes else "names the old installation"
            yield Reference(Kind.SCRIPT, folder / name, runs)


def _names_it(privsep: Privsep, path: Path, old_paths: OldPaths) -> bool:
    try:
        return old_paths.found_in(read_file(privsep, path, _FILE_LIMIT).decode(errors="replace"))
    except (SourceError, OSError):
        # A folder or a large file is no script.
        return False
