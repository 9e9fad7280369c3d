"""Knowing a path of the old installation wherever somebody wrote it down, and showing it without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from teleclaude.config.secrecy import has_secret, known_again, named_secrets
from teleclaude.errors import ConfigError
from teleclaude.migration.discover.installation import read_config, read_variables
from teleclaude.migration.source.inventory import ConfigFiles, Places
from teleclaude.printable import printable

HOME = r"""(?:~|%h|"?\$(?:HOME|\{HOME\})"?)"""
"""How shells, systemd and cron write the home; a shell also with quotes around the variable alone."""

LONGEST_SHOWN = 200


@dataclass(frozen=True)
class Mentions:
    """Tells whether a text names a folder of the old installation."""

    pattern: re.Pattern[str]
    secrets: frozenset[str] = field(repr=False)
    """What must not be shown (teleclaude/config/secrecy.py)."""

    def found_in(self, text: str) -> bool:
        """Whether a text names the checkout or `~/.teleclaude`, or something in them."""
        return self.pattern.search(text) is not None

    def shown(self, text: str) -> str:
        """Return a text for people; where it may hold a secret, only the words that name the old installation."""
        if has_secret(text, self.secrets):
            words = [word for word in text.split() if self.found_in(word) and not has_secret(word, self.secrets)]
            text = " ".join(["…", *words])
        line = printable(" ".join(text.split()))
        return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}…"


def make_mentions(places: Places, files: ConfigFiles | None) -> Mentions:
    """Return what tells the paths of this installation; what its configuration keeps secret is not shown."""
    folders = {places.checkout, Path(os.path.realpath(places.checkout)), places.state}
    ways = sorted({way for folder in folders for way in _ways(folder, places.home)}, key=len, reverse=True)
    # A longer name is another folder, and so is one that the path is only the end of.
    pattern = re.compile(rf"(?<![\w.-])(?:{'|'.join(ways)})(?![\w-]|\.\w)")
    return Mentions(pattern, frozenset(_read_secrets(files, places)))


def _ways(folder: Path, home: Path) -> Iterable[str]:
    yield re.escape(str(folder))
    if home in folder.parents:
        yield f"{HOME}/{re.escape(str(folder.relative_to(home)))}"


def _read_secrets(files: ConfigFiles | None, places: Places) -> Iterable[str]:
    if files is None:
        return
    try:
        yield from known_again(list(read_variables(files, places).values()))
        yield from named_secrets(read_config(files, places))
    except ConfigError:
        # It is refused elsewhere; what looks like a secret is one all the same.
        return
