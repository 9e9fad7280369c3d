"""What SIGINT, SIGTERM and SIGHUP do, from the first line of the program to its last.

The first handler must stand before the long imports, so this module imports what is built into the interpreter alone:
`signal` itself takes some milliseconds for its enumerations.
"""

from __future__ import annotations

import os
from _signal import SIG_IGN, SIGHUP, SIGINT, SIGTERM, getsignal, signal  # type: ignore[import-not-found, unused-ignore]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import NoReturn

CODE = 130
"""The exit code of a command that was interrupted, as a shell gives it for SIGINT."""

_SIGNALS = (SIGINT, SIGTERM) if getsignal(SIGHUP) == SIG_IGN else (SIGINT, SIGTERM, SIGHUP)
"""What asks for the end. nohup(1) ignores SIGHUP, and so does the program then."""


class Interrupted(SystemExit):
    """A signal asked for the end. Neither click nor asyncio takes a SystemExit for a fault."""

    def __init__(self, outcome: str = "") -> None:
        super().__init__(CODE)
        self.outcome = outcome
        """What has become of the data, where that is not plain."""


class raising:  # noqa: N801 - a context manager that is used like a function
    """Let a signal raise Interrupted for as long as the context lasts."""

    def __enter__(self) -> None:
        self._before = [(number, getsignal(number)) for number in _SIGNALS]
        clean_up_first()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before:
            signal(number, handler)


def take(heard: Callable[[], object]) -> None:
    """From here on a signal calls `heard`, between two instructions of the main thread."""
    for number in _SIGNALS:
        signal(number, lambda _number, _frame: heard())


def end_at_once() -> None:
    """From here on a signal ends the process with one line: nothing has to be cleaned up."""
    take(end)


def clean_up_first() -> None:
    """From here on a signal raises Interrupted, once: what was begun is cleaned up, and that is not cut off."""
    take(_raise)


def ignore() -> None:
    """From here on a signal comes too late: everything is done or undone, and the exit code says which."""
    for number in _SIGNALS:
        signal(number, SIG_IGN)


def end(outcome: str = "") -> NoReturn:
    """Say the one line of a command that was interrupted, and end the process."""
    line = f"teleclaude: interrupted{'; ' if outcome else ''}{outcome}\n"
    try:
        os.write(2, line.encode())
    finally:
        # Also where nobody can be told.
        os._exit(CODE)


def _raise() -> None:
    ignore()
    raise Interrupted
