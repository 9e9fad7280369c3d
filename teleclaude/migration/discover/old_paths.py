"""Finding paths of the old installation in a text, and showing the text without secrets."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from teleclaude.agents.entries import make_old_pattern
from teleclaude.config.secrecy import has_secret, known_again, named_secrets
from teleclaude.errors import ConfigError
from teleclaude.migration.discover.configuration import read_config, read_variables
from teleclaude.migration.source.installation import ConfigFiles, Places
from teleclaude.printable import printable

_ASSIGNED = re.compile(r"(?<![\w-])(?P<name>[A-Za-z_]\w*+)=(?:\"[^\"]*\"|'[^']*'|[^\s;\"']+)")
"""A variable of a shell with its value, which nothing tells to be no secret."""

_LONGEST_SHOWN = 200


@dataclass(frozen=True)
class OldPaths:
    """The paths of the old installation in every spelling."""

    pattern: re.Pattern[str]
    secrets: frozenset[str] = field(repr=False)
    """Values that are never shown (teleclaude/config/secrecy.py)."""

    def found_in(self, text: str) -> bool:
        """Whether a text names the checkout or `~/.teleclaude`, or a path in them."""
        return self.pattern.search(text) is not None

    def shown(self, text: str) -> str:
        """Return a text for people; of one that may hold a secret, only the words that name the old installation."""
        if has_secret(text, self.secrets):
            words = [word for word in text.split() if self.found_in(word) and not has_secret(word, self.secrets)]
            text = " ".join(["…", *words])
        text = _ASSIGNED.sub(lambda match: match[0] if self.found_in(match[0]) else f"{match['name']}=…", text)
        line = printable(" ".join(text.split()))
        return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…"


def make_old_paths(places: Places, files: ConfigFiles | None) -> OldPaths:
    """Return the paths of this installation; the secrets of its configuration are not shown."""
    folders = (places.checkout, Path(os.path.realpath(places.checkout)), places.state)
    pattern = make_old_pattern(folders, places.home)
    return OldPaths(pattern, frozenset(_read_secrets(files, places) if files else ()))


def _read_secrets(files: ConfigFiles, places: Places) -> Iterable[str]:
    # Whoever needs values that cannot be read reports it; what looks like a secret is never shown.
    with suppress(ConfigError):
        yield from known_again(list(read_variables(files, places).values()))
        yield from named_secrets(read_config(files, places))
