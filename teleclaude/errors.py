"""Every error that an operator or a caller is told of.

    TeleClaudeError            a problem: one sentence, and its remedy
    ├── ConfigError            a configuration file cannot be used; `path` says which
    ├── SourceError            the old installation cannot be read
    ├── TargetError            the database cannot be reached or used
    ├── LockHeldError          another process holds the installation or the database
    ├── BootRefusedError       the daemon may not serve this database
    ├── UpgradeError           the schema could not be brought to its newest revision
    ├── VerificationError      what PostgreSQL holds is not what the source holds
    ├── RequestError           the daemon does not do what a caller asks; `status` is HTTP's
    └── PublishError           a file cannot be put in its place

What one part of the program raises for another alone to catch is defined where it is raised.

No message and no field ever holds a password.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path


class Exit(IntEnum):
    """The exit codes of every command; each says what to do next (docs/migration.md)."""

    DONE = 0
    BUG = 1
    USAGE = 2
    REFUSED = 3
    UNDONE = 4
    NOT_UNDONE = 5
    INTERRUPTED = 130


@dataclass(frozen=True)
class Problem:
    """What is wrong, in one sentence, and what to do about it: one command or one action.

    The table of a package (`problems.py`) holds them with `{names}` for what is filled in.
    """

    message: str
    hint: str = ""

    def fill(self, **values: object) -> Problem:
        """Return the problem with every `{name}` filled in; in the hint a path is quoted for a shell."""
        quoted = {name: shlex.quote(str(value)) if isinstance(value, Path) else value for name, value in values.items()}
        return Problem(self.message.format(**values), self.hint.format(**quoted))


class TeleClaudeError(Exception):
    """A problem that an operator can act on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class ConfigError(TeleClaudeError):
    """A configuration file is missing, broken or says something impossible."""

    def __init__(self, problem: Problem, *, path: Path | None = None) -> None:
        super().__init__(problem)
        self.path = path


class SourceError(TeleClaudeError):
    """The old installation cannot be read, or changed while it was read."""


class TargetError(TeleClaudeError):
    """The database cannot be reached, or refuses what is asked of it."""


class LockHeldError(TeleClaudeError):
    """Another process holds the lock; `process` is its id, where the system tells."""

    def __init__(self, problem: Problem, *, process: int | None = None) -> None:
        super().__init__(problem)
        self.process = process


class BootRefusedError(TeleClaudeError):
    """The daemon may not serve: the schema is another one, a migration is pending, or its socket cannot be."""


class UpgradeError(TeleClaudeError):
    """An upgrade failed; `undone` says whether the database is certainly what it was."""

    def __init__(self, problem: Problem, *, undone: bool) -> None:
        super().__init__(problem)
        self.undone = undone


class VerificationError(TeleClaudeError):
    """A value in PostgreSQL differs from the source and no ledger line accounts for it."""

    def __init__(self, problem: Problem, *, table: str, key: object, column: str) -> None:
        super().__init__(problem)
        self.table = table
        self.key = key
        self.column = column


class RequestError(TeleClaudeError):
    """A request that is not answered as asked; `status` says in HTTP's numbers whose fault it is."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem)
        self.status = status


class PublishError(TeleClaudeError):
    """A file cannot be put in its place, usually because another one is there."""
