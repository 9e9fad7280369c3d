"""What detection saw. Facts only, no decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sqlalchemy import URL

from teleclaude.layout import Layout
from teleclaude.migration.report.events import Finding
from teleclaude.migration.source.run_record import RunRecord
from teleclaude.platform.names import Unit


@dataclass(frozen=True)
class SourceColumn:
    """A column as SQLite knows it; `storage` are the classes of its values, looked at in unknown tables only."""

    name: str
    key_position: int
    """1 for the first column of the primary key, 0 outside it."""
    storage: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SourceTable:
    """A table of the old database; `next_id` is what SQLite would have used next, where it counts (AUTOINCREMENT)."""

    name: str
    columns: tuple[SourceColumn, ...]
    rows: int
    next_id: int | None = None
    search_index: bool = False
    """Whether it is a virtual table for full-text search, or one that SQLite keeps for it."""


@dataclass(frozen=True)
class SourceFile:
    """A file of the old installation and the sha256 of its content when it was first seen."""

    path: Path
    sha256: str
    copy: Path | None = None
    """A private copy of that content."""


@dataclass(frozen=True)
class SourceDatabase:
    """The old database: where it is, why this one, and its private copy."""

    path: Path
    uid: int
    """The owner of the file."""
    why: str
    copy: Path
    files: tuple[SourceFile, ...]
    """What was copied, as it was copied: the file, its WAL, its journal."""
    migrations: tuple[str, ...]
    """The schema changes that the old program recorded."""
    tables: tuple[SourceTable, ...]
    others: tuple[tuple[str, str], ...] = ()
    """Views and triggers, by kind and name."""
    pending_deletions: int = 0
    """Messages that `ux_state` of the sessions says are to be deleted."""
    waiting: tuple[tuple[str, int], ...] = ()
    """Queues with rows that a daemon would still send, and how many."""


@dataclass(frozen=True)
class Account:
    """The user who controls the old installation, where that is another one than this process."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    gates: tuple[Path, ...]
    """The folders at which what he controls begins."""
    name: str = ""
    """Empty where this machine does not know one."""


@dataclass(frozen=True)
class ConfigFiles:
    """Private copies of the files that the configuration is made from, as they were when they were first seen."""

    config: Path
    environment: Path
    everyone: Path
    experiments: Path
    persons: Mapping[str, Path] = field(default_factory=dict)
    origins: Mapping[Path, Path] = field(default_factory=dict)
    """Of each copy the file that it was made from, for errors."""


@dataclass(frozen=True)
class Person:
    """An entry of `people`."""

    name: str
    username: str | None


@dataclass(frozen=True)
class DocFile:
    """A shared snippet: its place below the docs folder, and the real file behind it."""

    relative: Path
    real: Path


@dataclass(frozen=True)
class Activity:
    """Evidence that somebody still works on the old installation."""

    evidence: str
    remedy: str
    stops: bool = True
    """Whether nothing may begin before it is gone; otherwise it is a warning."""


@dataclass(frozen=True)
class Service:
    """A unit of systemd or an agent of launchd that starts the old program."""

    unit: Unit
    runs: str
    running: bool
    at_boot: bool
    """Whether it starts at boot or login."""


class Kind(StrEnum):
    """What leads to the old installation from outside it."""

    CRON = "cron"
    AGENT_HOOK = "agent hook"
    SHELL = "shell"
    SCRIPT = "script"
    LINK = "link"


@dataclass(frozen=True)
class Reference:
    """A place outside the old installation that leads to it."""

    kind: Kind
    path: Path
    runs: str
    """What it runs or leads to, without secrets."""
    lines: tuple[int, int] | None = None
    """The first and the last line that it takes up alone, None where it has none of its own."""
    keys: tuple[str | int, ...] = ()
    """The way to it in a file of JSON or TOML."""
    text: str = field(default="", repr=False)
    """The line as it is; may hold a secret."""
    clear: bool = True
    """Whether a program can take it out of its file and leave everything else as it is."""
    active: bool = True
    """Whether it is not commented out."""
    crontab: str = ""
    """The user whose table of cron it stands in."""
    home: Path | None = None
    """The home of that user."""


@dataclass(frozen=True)
class TargetRun:
    """What the target says of a migration into it."""

    run: str
    state: str
    """`pending` or `complete`."""
    source: str
    source_sha256: str
    started_at: str


@dataclass(frozen=True)
class JournaledRun:
    """A run of which the journal says that it began, and not that it ended; nobody works on it."""

    folder: Path
    record: RunRecord
    """What the run wrote down when it began."""
    committing: bool
    """Whether the COMMIT was, or was about to be, sent."""

    @property
    def run(self) -> str:
        """The name of the run."""
        return self.folder.name


@dataclass(frozen=True)
class TargetState:
    """What stands on the target."""

    server_version: int = 0
    """As `server_version_num`: 150004 is 15.4."""
    encoding: str = "UTF8"
    revision: str | None = None
    head: str = ""
    """The revision that this program needs."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of every table of ours that exists."""
    taken: frozenset[str] = frozenset()
    """Every name in the schema that ours live in that a table cannot have any more."""
    legacy: frozenset[str] = frozenset()
    """Those of them that are tables which a migration carried there."""
    schemas: frozenset[str] = frozenset()
    """Every schema of the database."""
    runs: tuple[TargetRun, ...] = ()
    may_create: bool = True
    standby: bool = False
    held_by: str = ""
    """Who works on the database, in words; empty where nobody does."""


@dataclass(frozen=True)
class Destinations:
    """What stands where the new installation is to be."""

    existing: frozenset[Path] = frozenset()
    """Which of its places are taken."""
    new_directories: tuple[Path, ...] = ()
    """Directories that do not exist yet, parents first."""
    not_writable: tuple[Path, ...] = ()
    """Places that this process may not write to."""
    unsafe_folders: tuple[Path, ...] = ()
    """Folders on the way to the system's files that a user without privileges can change."""
    unsafe_run_folder: Path | None = None
    """Such a folder on the way to the folder of the run, None where there is none."""
    service_user_exists: bool = False


NOWHERE = Destinations()


@dataclass(frozen=True)
class Inventory:
    """Everything that detection saw."""

    run: str
    started_at: str
    platform: str
    """The key of its names (platform/names.py)."""
    private: Path
    home: Path
    checkout: Path
    is_root: bool
    layout: Layout
    user_config: Path
    account: Account | None
    """With whose rights the old installation is read, None being those of this process."""
    user_name: str | None
    """The name of the owner's account, where this machine knows one."""
    sudo_uid: int | None = None
    database_uid: int | None = None
    database: SourceDatabase | None = None
    events: SourceDatabase | None = None
    """The second database, where there is one."""
    files: tuple[SourceFile, ...] = ()
    config_files: ConfigFiles | None = None
    account_variables: Mapping[str, str] = field(default_factory=dict)
    """`HOME`, `USER` and `LOGNAME` of the account that the old daemon ran as, as far as they are known."""
    people: tuple[Person, ...] = ()
    timezone: str | None = None
    docs: tuple[DocFile, ...] = ()
    docs_left: tuple[tuple[str, str], ...] = ()
    """What in the docs folder is not published, and why."""
    docs_index: DocFile | None = None
    """The index of the docs, which is built anew."""
    checkout_entries: tuple[str, ...] = ()
    """What lies in the checkout."""
    home_entries: tuple[str, ...] = ()
    """What lies in `~/.teleclaude`."""
    elsewhere: tuple[Path, ...] = ()
    """What the old program or its agents keep in other places."""
    activities: tuple[Activity, ...] = ()
    services: tuple[Service, ...] = ()
    references: tuple[Reference, ...] = ()
    journals: tuple[JournaledRun, ...] = ()
    """Runs that were cut off."""
    url: URL | None = field(default=None, repr=False)
    """The database to move to, None where the command line names none that can be used."""
    target: TargetState | None = None
    destinations: Destinations = NOWHERE
    problems: tuple[Finding, ...] = ()
    """What could not be looked at, and why."""

    @property
    def as_service_user(self) -> bool:
        """Whether files get the owners that they should have and the probe runs as the service user."""
        return self.is_root and self.layout.root is None


@dataclass(frozen=True)
class Places:
    """The two roots of a single-user installation."""

    checkout: Path
    home: Path

    @property
    def state(self) -> Path:
        """The folder of the old installation in the home."""
        return self.home / ".teleclaude"
