"""What the steps yield: findings, results and progress. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from teleclaude.errors import Problem


class Severity(StrEnum):
    """A note informs, a warning asks for attention, an error stops."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that the operator should know; `subject` is a table, a column, a file or a part of the work."""

    severity: Severity
    subject: str
    problem: Problem


note = partial(Finding, Severity.NOTE)
warning = partial(Finding, Severity.WARNING)
error = partial(Finding, Severity.ERROR)
"""Make a finding of a subject and a problem."""


@dataclass(frozen=True)
class Progress:
    """How far a step is; shown while it runs and not kept."""

    subject: str
    done: int
    total: int
    size: int = 0
    """The bytes that were sent so far; 0 where nothing is sent."""
    left: float | None = None
    """Seconds until the whole transfer is done, None where that is not known."""


@dataclass(frozen=True)
class Forecast:
    """The size of a transfer, estimated from the sizes of the old databases."""

    rows: int
    megabytes: float
    """The size of the old databases in 10^6 bytes, without free pages and full-text search."""
    disk_megabytes: float
    """The size that it will have on the disk of PostgreSQL in 10^6 bytes, without the write-ahead log."""


@dataclass(frozen=True)
class TableResult:
    """A table that arrived: rows of source and target, values compared, and values that were converted."""

    name: str
    source_rows: int
    target_rows: int
    rejected: int
    values_compared: int
    converted: int
    seconds: float


@dataclass(frozen=True)
class TableUse:
    """How many rows of a table the daemon has added, removed and changed since the migration, as it is expected to."""

    name: str
    added: int
    removed: int
    changed: int
    close_idle: int = 0
    """Those that the daemon added or changed because a session was idle; nobody else did, and they count apart."""

    @property
    def rows(self) -> int:
        """How many rows are not what was migrated."""
        return self.added + self.removed + self.changed + self.close_idle


@dataclass(frozen=True)
class IdleSessions:
    """How many sessions are open, and how many of them were not active for how long when the run began."""

    open: int
    over_1_day: int
    over_3_days: int
    over_30_days: int
    longest_since: str | None
    """When the session that is idle for longest was active, None where no open session has a moment."""


@dataclass(frozen=True)
class SequenceResult:
    """An identity column, the number that it gives next, and whether an insert got that number."""

    table: str
    column: str
    next_value: int
    verified: bool


@dataclass(frozen=True)
class ConstraintResult:
    """A constraint that the data breaks: its state, how many rows break it, and the query that lists them."""

    name: str
    table: str
    state: str
    rows: int
    query: str


@dataclass(frozen=True)
class FileResult:
    """A file that was published; `owner` is who should own it, `kind` its purpose."""

    path: str
    kind: str
    mode: str
    owner: str
    sha256: str
    references: int = 0
    """How many references of a snippet lead to the new place of another one instead of the old place."""


@dataclass(frozen=True)
class LostReference:
    """A reference of a published snippet, in `line` of the file `path`, that leads to no published one, and why."""

    path: str
    line: int
    reference: str
    why: str


@dataclass(frozen=True)
class SourceFileResult:
    """A file of the old installation, before and after."""

    path: str
    sha256_before: str
    sha256_after: str


@dataclass(frozen=True)
class LedgerResult:
    """The file that lists the values which could not be stored unchanged, and how many it lists."""

    path: str
    entries: int


@dataclass(frozen=True)
class ProbeResult:
    """What the real daemon saw on the new database, and whether it lists the sessions of the source."""

    ok: bool
    sessions_expected: int
    sessions_listed: int
    searches: int
    """How many searches were run on source and target."""
    verdict: Mapping[str, Any]


@dataclass(frozen=True)
class Left:
    """Something of the old installation that was not moved, and the reason."""

    subject: str
    reason: str


@dataclass(frozen=True)
class OldFile:
    """A file or folder of the old installation: `moved` to a place, or `left` where it is, and why."""

    path: str
    what: str
    outcome: str
    to: str
    why: str


@dataclass(frozen=True)
class CutoverItem:
    """Something that still refers to the old installation, the command that changes it, and the one that undoes that.

    Where no command can change it, `hint` says what a person does. Where `needed` is false, nothing has to be done.
    """

    kind: str
    path: str
    place: str
    """The line, the path of the entry as jq writes it, or the state of a service."""
    runs: str
    """What it runs, without secrets."""
    command: str
    undo: str
    needed: bool
    hint: str = ""


@dataclass(frozen=True)
class FilePreview:
    """A file as a rehearsal would write it; of one that not everybody may read the names alone."""

    path: str
    kind: str
    content: str


Result = (
    TableResult
    | IdleSessions
    | SequenceResult
    | ConstraintResult
    | Forecast
    | FileResult
    | LostReference
    | FilePreview
    | SourceFileResult
    | LedgerResult
    | ProbeResult
    | Left
    | OldFile
    | CutoverItem
)
Event = Finding | Progress | Result | TableUse
