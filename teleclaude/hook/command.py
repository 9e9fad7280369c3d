"""`teleclaude hook`: what an agent runs at each event, and what a person runs for it.

Whatever happens, the agent goes on: an event ends with the exit code 0, and the agent reads nothing but the memory of
its project. What a person asks for by a flag ends as every command does.
"""

from __future__ import annotations

import json
import os
import select
import time
from contextlib import suppress

from teleclaude import interrupt
from teleclaude.agents import EVENTS
from teleclaude.hook import spool
from teleclaude.hook.ask import SOCKET, ask
from teleclaude.hook.event import make_event
from teleclaude.hook.payload import LONGEST_READ, read_payload, to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, NoReturn

_STDIN_SECONDS = 1.0
"""How long the agent may take to give the payload."""

_WHOLE_SECONDS, _LEAST_SECONDS = 0.080, 0.050
"""How long the daemon may take: until so long after the program began, on a slow machine so long at least."""

_BY_HAND = ("--flush", "--install", "--remove")
"""What a person asks for."""

_WITH_VALUE = ("--agent", "--cwd", "--root", "--home", "--old")


def main(words: Sequence[str]) -> NoReturn:
    """Do what the words after `teleclaude hook` say, and end the process."""
    if any(flag in words for flag in _BY_HAND):
        from teleclaude.hook.by_hand import run  # noqa: PLC0415 - no agent waits for it

        run(words)
    interrupt.clean_up_first()
    try:
        _tell(*read_words(words))
    except (Exception, interrupt.Interrupted) as error:
        # Nobody but a person at a terminal can do something about it.
        if os.isatty(2):
            _say(2, f"teleclaude: the event was not handed over: {error}")
    # Without taking the interpreter apart, which takes time.
    os._exit(0)


def read_words(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the options of a command line with their values, and the other words; raises ValueError.

    Of an option that may be repeated the values are lines.
    """
    options: dict[str, str] = {}
    others: list[str] = []
    left = iter(words)
    for word in left:
        name, equals, value = word.partition("=")
        if word in _BY_HAND:
            options[word] = ""
        elif name in _WITH_VALUE:
            said = value if equals else next(left, "")
            options[name] = f"{options[name]}\n{said}" if name == "--old" and name in options else said
        elif word.startswith("-"):
            raise ValueError(f"{word} is not an option")
        else:
            others.append(word)
    return options, others


def _tell(options: dict[str, str], others: Sequence[str]) -> None:
    """Hand an event over, or keep it."""
    agent = options.get("--agent", "")
    if agent not in EVENTS:
        raise ValueError(f"--agent needs one of {', '.join(EVENTS)}")
    said = others[0] if others else None
    given: bytes | bytearray
    if agent == "codex":
        # Codex gives the payload as the last word, and nothing on stdin.
        said, given = None, os.fsencode(others[-1] if others else "")
    else:
        given = _read_stdin()
    event = make_event(agent, said, options.get("--cwd"), read_payload(given))
    if event is None:
        return
    socket = find_socket(options)
    deadline = time.monotonic() + max(_WHOLE_SECONDS - time.process_time(), _LEAST_SECONDS)
    if _hand_over(to_json(event), socket, deadline) and event["event_type"] == "session_start":
        _print_memory(agent, event, socket, deadline)


def find_socket(options: Mapping[str, str]) -> str:
    """Return the path of the daemon's socket, below the root where one is given."""
    return f"{options.get('--root', '').rstrip('/')}/{SOCKET}"


def _hand_over(event: bytes, socket: str, deadline: float) -> bool:
    """Send what waits and then an event, or keep it; return whether the daemon took it."""
    folder, settled, status = spool.find_spool(os.environ), False, None

    def send(body: bytes) -> int | None:
        answer = ask(socket, "POST", "/hooks", body, deadline)
        return answer[0] if answer else None

    try:
        with suppress(OSError, interrupt.Interrupted):
            if spool.send_waiting(folder, send):
                status = send(event)
                settled = spool.is_settled(folder, status)
    finally:
        interrupt.ignore()
        if not settled:
            spool.keep(folder, event)
    return status == 202


def _read_stdin() -> bytearray:
    """Return what the agent gives, up to a length and a time; the rest is read too, so that no write of it fails."""
    given = bytearray()
    waiting = select.poll()
    waiting.register(0, select.POLLIN)
    deadline = time.monotonic() + _STDIN_SECONDS
    # Without a stdin there is no payload.
    with suppress(OSError):
        while not os.isatty(0) and waiting.poll(max(0, deadline - time.monotonic()) * 1000):
            if not (more := os.read(0, 65536)):
                break
            if len(given) <= LONGEST_READ:
                given += more
    return given


def _print_memory(agent: str, event: dict[str, Any], socket: str, deadline: float) -> None:
    """Print what is known of the project in the form that the agent reads; Codex reads nothing."""
    project = os.path.basename(str(event.get("cwd", "")).rstrip("/"))
    if agent == "codex" or not project:
        return
    asked = "".join(f"%{byte:02x}" for byte in project.encode())
    answer = ask(socket, "GET", f"/api/memory/inject?projects={asked}", b"", deadline)
    if answer is not None and answer[0] == 200 and (text := json.loads(answer[1])):
        named = {"hookEventName": "SessionStart"} if agent == "claude" else {}
        _say(1, to_json({"hookSpecificOutput": {**named, "additionalContext": text}}).decode())


def _say(file: int, line: str) -> None:
    with suppress(OSError):
        os.write(file, f"{line}\n".encode(errors="replace"))
