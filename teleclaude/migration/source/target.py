"""What the target holds: the database to move to, and the places of the new files. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class TargetRun:
    """A migration into the target, as the target records it."""

    run: str
    state: str
    """`pending` or `complete`."""
    source: str
    source_sha256: str
    started_at: str


@dataclass(frozen=True)
class TargetState:
    """What the target database holds."""

    server_version: int = 0
    """As `server_version_num`: 150004 is 15.4."""
    encoding: str = "UTF8"
    revision: str | None = None
    head: str = ""
    """The revision that this program needs."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """The number of rows of every table of ours that exists."""
    taken: frozenset[str] = frozenset()
    """Every name in the schema of our tables that no further table can have."""
    legacy: frozenset[str] = frozenset()
    """Those of them that are tables which a migration made."""
    schemas: frozenset[str] = frozenset()
    """Every schema of the database."""
    runs: tuple[TargetRun, ...] = ()
    may_create: bool = True
    standby: bool = False
    held_by: str = ""
    """Who holds the lock of the database, as a sentence; empty where it is free."""


@dataclass(frozen=True)
class Destinations:
    """What exists where the new installation will be."""

    existing: frozenset[Path] = frozenset()
    """Which of its places are taken."""
    new_directories: tuple[Path, ...] = ()
    """Directories that do not exist yet, parents first."""
    not_writable: tuple[Path, ...] = ()
    """Places that this process may not write to."""
    unsafe_folders: tuple[Path, ...] = ()
    """Folders above the system's files that a user without privileges can change."""
    unsafe_run_folder: Path | None = None
    """Such a folder above the folder of the run, None where there is none."""
    service_user_exists: bool = False


NOWHERE = Destinations()
