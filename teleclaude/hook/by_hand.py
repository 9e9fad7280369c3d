"""What a person asks of `teleclaude hook`, or a script for a person: it says what it did, and ends as every command."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NoReturn

from teleclaude.errors import Exit, Problem, TeleClaudeError
from teleclaude.hook import problems, spool
from teleclaude.hook.ask import ask
from teleclaude.hook.command import find_socket, read_words
from teleclaude.hook.editor import install, take_back
from teleclaude.printable import printable

_SECONDS = 10.0
"""How long the daemon may take for an event."""


def run(words: Sequence[str]) -> NoReturn:
    """Do what a command line asks for, and end the process."""
    try:
        options, _ = read_words(words)
        code = _flush(options) if "--flush" in options else _edit(options)
    except ValueError as error:
        _show(problems.USAGE.fill(reason=error))
        sys.exit(Exit.USAGE)
    except TeleClaudeError as error:
        _show(error.problem)
        sys.exit(Exit.REFUSED)
    sys.exit(code)


def _edit(options: Mapping[str, str]) -> Exit:
    """Change the settings of the agents, and say what was done; refused where something stood in the way."""
    code = Exit.DONE
    for said in install(options) if "--install" in options else take_back(options):
        if isinstance(said, Problem):
            _show(said)
            code = Exit.REFUSED
        else:
            _print(said)
    return code


def _flush(options: Mapping[str, str]) -> Exit:
    """Send what waits; raises TeleClaudeError where it cannot be sent."""
    folder, socket = spool.find_spool(os.environ), find_socket(options)
    before = len(spool.find_waiting(folder))

    def send(body: bytes) -> int | None:
        answer = ask(socket, "POST", "/hooks", body, time.monotonic() + _SECONDS)
        return answer[0] if answer else None

    spool.send_waiting(folder, send)
    waiting, counts = len(spool.find_waiting(folder)), spool.read_counts(folder)
    _print(f"{_events(before - waiting)} sent, {waiting} waiting")
    _print(f"so far {_events(counts['dropped'])} dropped for room, {counts['refused']} refused by the daemon")
    if waiting:
        kept = "1 event waits" if waiting == 1 else f"{waiting} events wait"
        raise TeleClaudeError(problems.STILL_WAIT.fill(waiting=kept, folder=folder))
    return Exit.DONE


def _events(number: int) -> str:
    return f"{number} event{'' if number == 1 else 's'}"


def _print(line: str) -> None:
    sys.stdout.write(f"{printable(line)}\n")


def _show(problem: Problem) -> None:
    sys.stderr.write(f"teleclaude: {printable(problem.message)}\n  → {printable(problem.hint)}\n")
