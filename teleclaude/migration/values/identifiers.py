"""Names that PostgreSQL cannot hold, and what they become. Pure.

An identifier is not empty, has at most 63 bytes (PostgreSQL manual, section 4.1.1; the server cuts a longer one in
silence), and no column is named like one of the system's (section 5.6).
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b

_LONGEST_NAME_BYTES = 63

MOST_COLUMNS = 1600
"""A table has no more (PostgreSQL manual, appendix K)."""

MOST_KEY_COLUMNS = 32
"""An index has no more (PostgreSQL manual, appendix K)."""

SYSTEM_COLUMNS = frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})

LEGACY = "legacy"
"""The schema for what the models do not know."""

ORIGIN = "Moved by teleclaude migrate-to-system"
"""How the comment of every table of ours begins that the models do not know; the rollback finds them by it."""

EVENTS = "events"
"""The schema for the tables of events.db, the second database of an installation."""

REJECTS = "_rejects"
"""The end of the name of a table for rows that their own table cannot hold."""


def _fits(name: str, taken: Collection[str] = ()) -> bool:
    """Whether PostgreSQL can hold a name beside those that are taken."""
    return 0 < len(name.encode()) <= _LONGEST_NAME_BYTES and name not in taken


def make_name(name: str, taken: Collection[str] = ()) -> str:
    """Return `name` where it fits, else the beginning of it and a digest of the whole; the same at every run."""
    made, attempt = name, 0
    while not _fits(made, taken):
        digest = blake2b(f"{name}\x00{attempt}".encode(), digest_size=4).hexdigest()
        beginning = (name or "unnamed").encode()[: _LONGEST_NAME_BYTES - len(digest) - 1].decode(errors="ignore")
        made, attempt = f"{beginning}_{digest}", attempt + 1
    return made


def make_names(names: Collection[str], taken: Collection[str] = ()) -> dict[str, str]:
    """Return a name for each, all of them different; one that fits stays as it is."""
    made = {name: name for name in names if _fits(name, taken)}
    for name in names:
        if name not in made:
            made[name] = make_name(name, {*taken, *made.values()})
    return made


def quote(name: str) -> str:
    """Return `name` as an SQL identifier, for SQLite and PostgreSQL."""
    return '"' + name.replace('"', '""') + '"'
