"""The inventory: what discovery saw of the old installation, what uses it, and the target. No decision in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from sqlalchemy import URL

from teleclaude.errors import Problem
from teleclaude.layout import Layout
from teleclaude.migration.report.events import Finding, Severity
from teleclaude.migration.source.installation import Account, ConfigFiles, DocFile, Person, SourceDatabase, SourceFile
from teleclaude.migration.source.run_record import JournaledRun
from teleclaude.platform.names import Unit


@dataclass(frozen=True)
class Activity:
    """Evidence that something works on the old installation now, and how to end it."""

    problem: Problem
    stops: bool = True
    """Whether the migration is refused until it has ended; otherwise it is a warning."""


@dataclass(frozen=True)
class Service:
    """A unit of systemd or an agent of launchd that starts the old program."""

    unit: Unit
    runs: str
    running: bool
    at_boot: bool
    """Whether it starts at boot or login."""


class Kind(StrEnum):
    """The kinds of references to the old installation."""

    CRON = "cron"
    AGENT_HOOK = "agent hook"
    SHELL = "shell"
    SCRIPT = "script"
    LINK = "link"


@dataclass(frozen=True)
class Reference:
    """A place outside the old installation that refers to it."""

    kind: Kind
    path: Path
    runs: str
    """What it runs or names, without secrets."""
    lines: tuple[int, int] | None = None
    """The first and the last line that it takes up alone, None where it shares its lines."""
    keys: tuple[str | int, ...] = ()
    """The keys that lead to it in a file of JSON or TOML."""
    text: str = field(default="", repr=False)
    """The line as it is; may hold a secret."""
    clear: bool = True
    """Whether a program can remove it from its file and leave everything else as it is."""
    active: bool = True
    """Whether it is not commented out."""
    crontab: str = ""
    """The user whose crontab holds it."""
    home: Path | None = None
    """The home of that user."""


@dataclass(frozen=True)
class TargetRun:
    """A migration into the target, as the target records it."""

    run: str
    state: str
    """`pending` or `complete`."""
    source: str
    source_sha256: str
    started_at: str


OLDEST_SERVER, NEWEST_SERVER = 15, 18
"""The releases of PostgreSQL that were tested."""


@dataclass(frozen=True)
class Setting:
    """A setting with which each session of the role begins."""

    name: str
    value: str
    scope: str
    """What ALTER changes where it is set, such as `ROLE ada IN DATABASE tele`; empty where it is set elsewhere."""


@dataclass(frozen=True)
class TakenName:
    """An object of the target that is not ours and has a name that one of ours needs."""

    kind: str
    """In PostgreSQL's words: `view`, `sequence`, `function`."""
    name: str
    extension: str = ""
    """The extension that it is part of."""


@dataclass(frozen=True)
class TargetState:
    """What the target database holds."""

    database: str = ""
    role: str = ""
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
    names_taken: tuple[TakenName, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    """The owner of every table of ours that belongs to a role whose rights our role does not have."""
    unrelated: tuple[str, ...] = ()
    """Tables of others that hold rows."""
    schema: str | None = "public"
    """The schema where a new table would be; None where the search path names none that exists and may be used."""
    may_create: bool = True
    """Whether the role may create schemas in the database."""
    may_create_tables: bool = True
    """Whether the role may create tables in `schema`."""
    may_use_tablespace: bool = True
    """Whether the role may create tables in the tablespace where a new table would be."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """The settings that can keep the migration from working, by name."""
    free_connections: Mapping[str, int] = field(default_factory=dict)
    """How many more sessions the limits allow, by what ALTER changes: `ROLE ada`, `DATABASE tele`."""
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


@dataclass(frozen=True)
class Inventory:
    """Everything that discovery saw."""

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
    """The user whose rights the old installation is read with; None for those of this process."""
    sudo_uid: int | None = None
    """The caller of sudo, None without sudo and for root."""
    database_uid: int | None = None
    """The owner of the database file, None where it could not be read."""
    account_names: Mapping[int, str] = field(default_factory=dict)
    """The names of the accounts that may own the sessions, by user id, as far as this computer has them."""
    is_found: bool = True
    """Whether the folders can be those of an installation; of others nothing is read."""
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
    """Each entry of the docs folder that is not published, and why."""
    docs_index: DocFile | None = None
    """The index of the docs, which is built anew."""
    checkout_entries: tuple[str, ...] = ()
    """The names in the checkout."""
    home_entries: tuple[str, ...] = ()
    """The names in `~/.teleclaude`."""
    elsewhere: tuple[Path, ...] = ()
    """Files of the old program or its agents in other places."""
    activities: tuple[Activity, ...] = ()
    services: tuple[Service, ...] = ()
    references: tuple[Reference, ...] = ()
    journals: tuple[JournaledRun, ...] = ()
    """Runs that were cut off."""
    url: URL | None = field(default=None, repr=False)
    """The database to move to, None where the command line names none that can be used."""
    password_from: Mapping[str, str] = field(default_factory=dict)
    """By which parameter and variable libpq finds the password again; empty where no file has it."""
    target: TargetState | None = None
    destinations: Destinations = NOWHERE
    problems: tuple[Finding, ...] = ()
    """What could not be looked at, and why."""

    @property
    def databases(self) -> tuple[SourceDatabase, ...]:
        """The old databases, at most two."""
        return tuple(database for database in (self.database, self.events) if database is not None)

    @property
    def is_read(self) -> bool:
        """Whether the configuration could be read, so that what is not in it is not there."""
        unread = any(found.subject == "configuration" and found.severity is Severity.ERROR for found in self.problems)
        return self.is_found and not unread

    @property
    def as_service_user(self) -> bool:
        """Whether files get the owners that they should have and the probe runs as the service user."""
        return self.is_root and self.layout.root is None
