"""The shared snippets of the old installation (facts: installation, snippets)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from teleclaude.config.secrecy import find_issued
from teleclaude.errors import SourceError
from teleclaude.migration.discover.problems import TOO_MANY_DOCS
from teleclaude.migration.source.installation import DocFile, Places
from teleclaude.migration.source.known_files import DOC_BYTES, INDEX
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.unprivileged import (
    MAX_ENTRIES,
    check_depth,
    inspect,
    list_names,
    open_exactly,
    resolve,
)
from teleclaude.printable import printable

_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_ALL_BYTES = 1 << 30

OUTSIDE = "a link to a place outside the docs"
CIRCLE = "a link in a circle, or to a folder that is published already"
NOTHING = "a link to a file that does not exist"
SPECIAL = "not a regular file"
FOREIGN = "a hard link to a file of another user"
LARGE = f"larger than {DOC_BYTES >> 20} MB"
_CLOSED = "its owner cannot read it"
CHANGEABLE = "another user made a link on the way to it, or can change a folder there"
ODD_NAME = "its name is not UTF-8 or has control characters"


@dataclass(frozen=True)
class Docs:
    """The files to publish, the old index, and the entries that are left out with the reason."""

    files: tuple[DocFile, ...] = ()
    index: DocFile | None = None
    left: tuple[tuple[str, str], ...] = ()

    @property
    def all(self) -> tuple[DocFile, ...]:
        """The files and the index."""
        return self.files if self.index is None else (*self.files, self.index)


def find_docs(privsep: Privsep, places: Places) -> Docs:
    """Return the content of the docs folder; raises SourceError, OSError.

    Links are followed only while they resolve inside the docs folder or the checkout's docs.
    """
    kept, left = privsep.call(_list_docs, str(places.state), str(places.checkout))
    found = {Path(relative): DocFile(Path(relative), Path(real)) for relative, real in kept}
    index = found.pop(INDEX, None)
    return Docs(tuple(found.values()), index, tuple((name, reason) for name, reason in left))


def _list_docs(state: str, checkout: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return relative and real paths of the files to publish, and the rest with reasons; runs unprivileged."""
    top = resolve(Path(state)) / "docs"
    kept: list[tuple[str, str]] = []
    left: list[tuple[str, str]] = []
    size = 0
    for relative, real, reason in _walk(top, _own_docs(Path(checkout), Path(state))):
        if reason:
            left.append((printable(relative), reason))
        else:
            kept.append((str(relative), str(real)))
            size += inspect(real).st_size
        if size > _ALL_BYTES or len(kept) + len(left) > MAX_ENTRIES:
            raise _too_much(top / relative)
    return kept, left


def _own_docs(*places: Path) -> tuple[Path, ...]:
    """Return the real docs folders that links may point into; one that is a link to another place is left out."""
    own = [(resolve(place), resolve(place / "docs")) for place in places]
    return tuple(docs for _, docs in own if any(place in docs.parents for place, _ in own))


def _walk(top: Path, allowed: tuple[Path, ...]) -> Iterator[tuple[Path, Path, str]]:
    """Yield every file, and every folder that is left out, with its real path and the reason why it is left out."""
    try:
        inspect(top)
    except FileNotFoundError:
        return
    real, reason = _look(top, allowed)
    if reason:
        yield Path(), real, reason
        return
    seen = {real}
    waiting = [Path()]
    while waiting:
        here = waiting.pop()
        check_depth(top, here)
        for name in list_names(str(top / here)):
            relative = here / name
            real, reason = _look(top / relative, allowed)
            if reason or not stat.S_ISDIR(inspect(real).st_mode):
                yield relative, real, reason
            elif real in seen or resolve(top / here).is_relative_to(real):
                yield relative, real, CIRCLE
            else:
                seen.add(real)
                waiting.append(relative)
        if len(seen) > MAX_ENTRIES:
            raise _too_much(top / here)


def _too_much(where: Path) -> SourceError:
    return SourceError(TOO_MANY_DOCS.fill(megabytes=_ALL_BYTES >> 20, limit=MAX_ENTRIES, path=printable(where)))


def _look(path: Path, allowed: tuple[Path, ...]) -> tuple[Path, str]:
    """Return the real path, and why it is left out."""
    try:
        real = resolve(path)
        if not any(real.is_relative_to(place) for place in allowed):
            return real, OUTSIDE
        state = inspect(real)
    except FileNotFoundError:
        return path, NOTHING
    except SourceError:
        return path, CHANGEABLE
    except OSError as error:
        return path, CIRCLE if error.errno == errno.ELOOP else _CLOSED
    return real, _reason(path.name, real, state)


def _reason(name: str, real: Path, state: os.stat_result) -> str:
    if printable(name) != name:
        return ODD_NAME
    if not stat.S_ISDIR(state.st_mode) and not stat.S_ISREG(state.st_mode):
        return SPECIAL
    if not _may_read(real):
        return _CLOSED
    if stat.S_ISDIR(state.st_mode):
        return ""
    if state.st_nlink > 1 and state.st_uid != os.geteuid():
        return FOREIGN
    return LARGE if state.st_size > DOC_BYTES else _secret_in(real)


def _secret_in(real: Path) -> str:
    """Return the reason why a file that tells a secret is left out; a copy that differs from it is refused later."""
    with os.fdopen(open_exactly(real, _READING), "rb") as file:
        line = find_issued(file.read(DOC_BYTES))
    return "" if line is None else f"line {line} holds a private key or a token"


def _may_read(real: Path) -> bool:
    with suppress(OSError):
        os.close(open_exactly(real, _READING))
        return True
    return False
