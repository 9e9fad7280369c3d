"""What uses the old installation from outside: processes, services, cron, hooks, shells. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from teleclaude.errors import Problem
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
