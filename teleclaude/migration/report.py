"""What happened, in the words of the steps: findings, results, and the report that folds them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from teleclaude.errors import Exit

REPORT_VERSION = 1


class Severity(StrEnum):
    """A note informs, a warning asks for attention, an error stops."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """One thing that the operator should know: about what, one sentence, and the remedy."""

    severity: Severity
    subject: str
    message: str
    hint: str = ""


def note(subject: str, message: str, hint: str = "") -> Finding:
    """Something to know."""
    return Finding(Severity.NOTE, subject, message, hint)


def warning(subject: str, message: str, hint: str = "") -> Finding:
    """Something to look at."""
    return Finding(Severity.WARNING, subject, message, hint)


def error(subject: str, message: str, hint: str = "") -> Finding:
    """Something that stops the migration."""
    return Finding(Severity.ERROR, subject, message, hint)


def printable(name: object) -> str:
    """Return a name for people, what would work on a terminal, or end a comment, written out."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in str(name))


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
    """What a transfer will take, as a sample of its large tables says, the small ones left out."""

    rows: int
    megabytes: float
    """What is sent to PostgreSQL, of 10^6 bytes each."""
    seconds: float


@dataclass(frozen=True)
class TableResult:
    """A table that arrived: rows of source and target, values compared, and what was changed on the way."""

    name: str
    source_rows: int
    target_rows: int
    set_aside: int
    values_compared: int
    mismatches: int
    coerced: int
    seconds: float


@dataclass(frozen=True)
class IdentityResult:
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
    """Something of the old installation that was deliberately not carried."""

    subject: str
    reason: str


@dataclass(frozen=True)
class Belonging:
    """A file or folder of the old installation: `carried` to a place, or `left` where it is, and why."""

    path: str
    what: str
    fate: str
    to: str
    why: str


@dataclass(frozen=True)
class SwitchOver:
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
    | IdentityResult
    | ConstraintResult
    | Forecast
    | FileResult
    | FilePreview
    | SourceFileResult
    | LedgerResult
    | ProbeResult
    | Left
    | Belonging
    | SwitchOver
)
Event = Finding | Progress | Result


@dataclass(frozen=True)
class Failure:
    """Why a run stopped: one sentence and the remedy; `kind` is the class of the error."""

    message: str
    hint: str
    kind: str
    exit_code: Exit


@dataclass(frozen=True)
class StepRun:
    """One step as it went: `done`, `failed`, and for a step that was taken back `undone` or `not undone`."""

    name: str
    outcome: str
    seconds: float
    events: tuple[Finding | Result, ...] = field(repr=False, default=())


T = TypeVar("T", bound=Finding | Result)


@dataclass(frozen=True)
class Report:
    """A run of the migration. `header` is what the Plan says of it; everything else is folded from the steps."""

    header: Mapping[str, Any]
    steps: tuple[StepRun, ...]
    failure: Failure | None = None
    undo: tuple[str, ...] = ()
    """How to go back after a success, or how to finish an undo that failed."""

    @property
    def ok(self) -> bool:
        """Whether everything was done and proved."""
        return self.failure is None

    @property
    def exit_code(self) -> Exit:
        """What the operator does next."""
        return Exit.DONE if self.failure is None else self.failure.exit_code

    def all(self, kind: type[T]) -> tuple[T, ...]:
        """Return every event of a kind, in order."""
        return tuple(self._events(kind))

    def _events(self, kind: type[T]) -> Iterator[T]:
        for step in self.steps:
            for event in step.events:
                if isinstance(event, kind):
                    yield event

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values, the contract that other programs read."""
        ledger, probe = self.all(LedgerResult), self.all(ProbeResult)
        files = self.all(FileResult)
        return {
            "version": REPORT_VERSION,
            **self.header,
            "ok": self.ok,
            "exit_code": int(self.exit_code),
            "failure": asdict(self.failure) if self.failure else None,
            "source": {**self.header.get("source", {}), "files": plain(self.all(SourceFileResult))},
            "tables": plain(self.all(TableResult)),
            "forecast": next(iter(plain(self.all(Forecast))), None),
            "identities": plain(self.all(IdentityResult)),
            "constraints": plain(self.all(ConstraintResult)),
            "files": plain(tuple(file for file in files if file.kind != "docs")),
            "docs": plain(tuple(file for file in files if file.kind == "docs")),
            "probe": asdict(probe[-1]) if probe else None,
            "preview": plain(self.all(FilePreview)),
            "installation": plain(self.all(Belonging)),
            "left": plain(self.all(Left)),
            "switch_over": plain(self.all(SwitchOver)),
            "steps": [{"name": s.name, "outcome": s.outcome, "seconds": round(s.seconds, 3)} for s in self.steps],
            "findings": plain(self.all(Finding)),
            "ledger": asdict(ledger[-1]) if ledger else None,
            "undo": list(self.undo),
        }


def plain(results: tuple[Any, ...]) -> list[dict[str, Any]]:
    """Return frozen results as dictionaries."""
    return [asdict(result) for result in results]
