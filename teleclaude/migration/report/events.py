"""What the steps yield: findings, results, and how far they are. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from teleclaude.errors import Problem


class Severity(StrEnum):
    """A note informs, a warning asks for attention, an error stops."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that the operator should know, and what it is about."""

    severity: Severity
    subject: str
    problem: Problem

    @property
    def message(self) -> str:
        """The sentence."""
        return self.problem.message

    @property
    def hint(self) -> str:
        """The remedy."""
        return self.problem.hint


def note(subject: str, problem: Problem | str, hint: str = "") -> Finding:
    """Something to know."""
    return _find(Severity.NOTE, subject, problem, hint)


def warning(subject: str, problem: Problem | str, hint: str = "") -> Finding:
    """Something to look at."""
    return _find(Severity.WARNING, subject, problem, hint)


def error(subject: str, problem: Problem | str, hint: str = "") -> Finding:
    """Something that stops the migration."""
    return _find(Severity.ERROR, subject, problem, hint)


def _find(severity: Severity, subject: str, problem: Problem | str, hint: str) -> Finding:
    return Finding(severity, subject, problem if isinstance(problem, Problem) else Problem(problem, hint))


@dataclass(frozen=True)
class Progress:
    """How far a step is; shown while it runs and not kept."""

    subject: str
    done: int
    total: int
    size: int = 0
    """Bytes that were sent of it; 0 where nothing is sent."""
    left: float | None = None
    """Seconds until the whole transfer is done, None where nobody can know."""


@dataclass(frozen=True)
class Forecast:
    """What a transfer will take, as the sizes of the old databases say."""

    rows: int
    megabytes: float
    """What the old databases hold, of 10^6 bytes each; free pages and full-text search left out."""
    disk_megabytes: float
    """What PostgreSQL will take for it on its disk, its log left out."""
    seconds: float | None
    """None, because only the rate of the load that runs tells how long it takes."""


@dataclass(frozen=True)
class TableResult:
    """A table that arrived: rows of source and target, values compared, and what was changed on the way."""

    name: str
    source_rows: int
    target_rows: int
    rejected: int
    values_compared: int
    mismatches: int
    converted: int
    seconds: float


@dataclass(frozen=True)
class SequenceResult:
    """An identity column, the number that it gives next, and whether an insert proved it."""

    table: str
    column: str
    next_value: int
    proved: bool


@dataclass(frozen=True)
class ConstraintResult:
    """A constraint that the data breaks: what became of it, for how many rows, and the query that lists them."""

    name: str
    table: str
    state: str
    rows: int
    query: str


@dataclass(frozen=True)
class FileResult:
    """A file that was put in its place; `owner` is who should own it, `kind` what it is for."""

    path: str
    kind: str
    mode: str
    owner: str
    sha256: str


@dataclass(frozen=True)
class SourceFileResult:
    """A file of the old installation, before and after."""

    path: str
    sha256_before: str
    sha256_after: str


@dataclass(frozen=True)
class LedgerResult:
    """Where the values are listed that could not be carried as they were, and how many."""

    path: str
    entries: int


@dataclass(frozen=True)
class ProbeResult:
    """What the real daemon saw on the new database, and whether it lists what the source held."""

    ok: bool
    sessions_expected: int
    sessions_listed: int
    searches: int
    """How many searches were run on both sides."""
    verdict: Mapping[str, Any]


@dataclass(frozen=True)
class Left:
    """Something of the old installation that was deliberately not moved."""

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
    """Something that still leads to the old installation, the command that changes it, and what takes that back.

    Where no command can, `hint` says what a person does; where `needed` is false, nothing has to be done.
    """

    kind: str
    path: str
    place: str
    """The line, the way to it as jq writes it, or the state of a service."""
    runs: str
    command: str
    back: str
    needed: bool
    hint: str = ""


@dataclass(frozen=True)
class FilePreview:
    """A file as a rehearsal would write it; of secrets the names alone."""

    path: str
    kind: str
    content: str


Result = (
    TableResult
    | SequenceResult
    | ConstraintResult
    | Forecast
    | FileResult
    | FilePreview
    | SourceFileResult
    | LedgerResult
    | ProbeResult
    | Left
    | OldFile
    | CutoverItem
)
Event = Finding | Progress | Result
