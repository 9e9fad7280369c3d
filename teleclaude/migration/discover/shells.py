"""References to the old program in start files and completions of shells, and commands on the PATH."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
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
    for name in _START_FILES:
        yield from _warning(_in_start_file, privsep, places.home / name, old_paths)
    yield from _warning(_in_parts, privsep, places.home / _FISH_PARTS, old_paths)
    for name in (*_COMMANDS, *_COMPLETIONS):
        find = partial(_in_folder, completes=name in _COMPLETIONS)
        yield from _warning(find, privsep, places.home / name, old_paths)


_Find = Callable[[Privsep, Path, OldPaths], Iterator[Reference | Finding]]


def _warning(find: _Find, privsep: Privsep, path: Path, old_paths: OldPaths) -> Iterator[Reference | Finding]:
    """Yield what is found in a file or folder, a warning where it must not be read, nothing where it cannot."""
    try:
        with suppress(OSError):
            yield from find(privsep, path, old_paths)
    except SourceError as error:
        yield warning("cutover", error.problem)


def _in_parts(privsep: Privsep, folder: Path, old_paths: OldPaths) -> Iterator[Reference | Finding]:
    for name in privsep.call(list_names, str(folder)):
        if name.endswith(".fish"):
            yield from _warning(_in_start_file, privsep, folder / name, old_paths)


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
    for name in privsep.call(list_names, str(folder)):
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
