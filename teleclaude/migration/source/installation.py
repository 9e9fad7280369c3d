"""What a single-user installation consists of: its folders, owner, databases, configuration and snippets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """The two folders of a single-user installation."""

    checkout: Path
    home: Path

    @property
    def state(self) -> Path:
        """The folder of the old installation in the home."""
        return self.home / ".teleclaude"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders whose owner is that of the installation, and which nobody else may change."""
        checkout, home, state = self.checkout, self.home, self.state
        return home, state, state / "docs", state / "people", checkout, checkout / "docs"


@dataclass(frozen=True)
class Account:
    """The user who controls the old installation, where this process runs as another one."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    top_folders: tuple[Path, ...]
    """The topmost folders that this user owns."""
    name: str = ""
    """Empty where this machine does not know the account."""


@dataclass(frozen=True)
class SourceColumn:
    """A column as SQLite knows it."""

    name: str
    key_position: int
    """1 for the first column of the primary key, 0 outside it."""
    storage: frozenset[str] = frozenset()
    """The storage classes of its values; read for columns that the models do not know."""


@dataclass(frozen=True)
class SourceTable:
    """A table of the old database."""

    name: str
    columns: tuple[SourceColumn, ...]
    rows: int
    next_id: int | None = None
    """The number that SQLite would use next, None where it counts none (AUTOINCREMENT)."""
    search_index: bool = False
    """Whether it is a virtual table for full-text search, or one that SQLite keeps for it."""
    closed: str = ""
    """Why this SQLite cannot open a virtual table, such as for want of its module; its rows are in other tables."""
    computed: tuple[tuple[str, str], ...] = ()
    """Generated columns that this SQLite cannot compute, each with the reason. They are not among `columns`."""
    broken_indexes: tuple[str, ...] = ()
    """Indexes that do not hold every row. Rows are always read from the table itself."""
    unique: bool = True
    """Whether its indexes keep the key unique, as this SQLite compares values."""


@dataclass(frozen=True)
class SourceFile:
    """A file of the old installation and the sha256 of its content when it was first read."""

    path: Path
    sha256: str
    copy: Path | None = None
    """A private copy of that content."""


@dataclass(frozen=True)
class FileNames:
    """What a database file is called besides its path."""

    identity: tuple[int, int] = (0, 0)
    """Device and inode, by which a file is known under every name."""
    links: int = 1
    """How many hard links lead to it."""
    others: tuple[Path, ...] = ()
    """Other names without links in them: hard links in its folder, other mounts."""
    unread: tuple[Path, ...] = ()
    """A WAL or journal beside a link to the file, where SQLite does not look."""


@dataclass(frozen=True)
class SourceDatabase:
    """The old database: where it is, why this one, and its private copy."""

    path: Path
    """The name by which it was found; may be a link."""
    uid: int
    """The owner of the file."""
    why: str
    copy: Path
    files: tuple[SourceFile, ...]
    """What was copied: the database, its WAL, its journal, beside the real file, as SQLite keeps them."""
    migrations: tuple[str, ...]
    """The schema changes that the old program recorded."""
    tables: tuple[SourceTable, ...]
    others: tuple[tuple[str, str], ...] = ()
    """Views and triggers, by kind and name."""
    pending_deletions: int = 0
    """Messages that `ux_state` of the sessions lists for deletion."""
    waiting: tuple[tuple[str, int], ...] = ()
    """Queues with rows that a daemon would still send, and how many."""
    names: FileNames = FileNames()
    collations: frozenset[str] = frozenset()
    """Orders of text that this SQLite does not know."""
    copies: Mapping[Path, str] = field(default_factory=dict)
    """The sha256 of each private file of the copy."""

    @property
    def real(self) -> SourceFile:
        """The database file itself, without links in its path."""
        return self.files[0]


@dataclass(frozen=True)
class ConfigFiles:
    """Private copies of the files of the configuration, with the content that they had when they were first read."""

    config: Path
    environment: Path
    everyone: Path
    experiments: Path
    persons: Mapping[str, Path] = field(default_factory=dict)
    origins: Mapping[Path, Path] = field(default_factory=dict)
    """The original of each copy, for errors."""
    digests: Mapping[Path, str] = field(default_factory=dict)
    """The sha256 of each copy."""


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
