"""The shared snippets of the old installation (facts: installation, snippets)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from teleclaude.migration.detect.installation import Places
from teleclaude.migration.inventory import DocFile

INDEX = Path("index.yaml")
"""Built anew for the new place."""

OUTSIDE = "a link to a place outside the docs"
CIRCLE = "a link that leads in a circle"


def find_docs(places: Places) -> tuple[tuple[DocFile, ...], tuple[tuple[str, str], ...]]:
    """Return the files to publish, and what is left out with the reason.

    Links are followed only while they resolve inside the docs folder or the checkout's docs.
    """
    top = places.state / "docs"
    if not top.is_dir():
        return (), ()
    allowed = (resolved(top), resolved(places.checkout / "docs"))
    kept: list[DocFile] = []
    left: list[tuple[str, str]] = []
    for path in _walk(top, allowed, left):
        relative, real = path.relative_to(top), resolved(path)
        if not _inside(real, allowed):
            left.append((str(relative), OUTSIDE))
        elif not real.is_file():
            left.append((str(relative), "not a regular file" if os.path.lexists(real) else "a link to nothing"))
        elif relative != INDEX:
            kept.append(DocFile(relative, real))
    return tuple(kept), tuple(left)


def resolved(path: Path) -> Path:
    """Return where a path really leads; unlike Path.resolve of Python 3.11 it takes a link to itself."""
    return Path(os.path.realpath(path))


def _inside(real: Path, allowed: tuple[Path, ...]) -> bool:
    return any(real == place or place in real.parents for place in allowed)


def _walk(top: Path, allowed: tuple[Path, ...], left: list[tuple[str, str]]) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder, folders, names in os.walk(top, followlinks=True):
        here = Path(folder)
        for name in sorted(folders):
            real = resolved(here / name)
            if not _inside(real, allowed) or real in seen or real in resolved(here).parents:
                reason = CIRCLE if _inside(real, allowed) else OUTSIDE
                left.append((str((here / name).relative_to(top)), reason))
                folders.remove(name)
            seen.add(real)
        folders.sort()
        yield from (here / name for name in sorted(names))
