"""Looks at the socket of the daemon, and asks who is there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from teleclaude.checks.facts import Kind, SocketFacts, Unknown
from teleclaude.checks.look.files import look_at_path
from teleclaude.daemon.client import ask
from teleclaude.errors import TeleClaudeError

SECONDS = 5.0


async def look_at_socket(path: Path) -> SocketFacts:
    """Return what stands at `path`, whether a daemon answers there, and how many sessions it lists to us."""
    file = look_at_path(path)
    if file.kind is not Kind.SOCKET:
        return SocketFacts(file, answers=False)
    try:
        async with asyncio.timeout(SECONDS):
            await ask(path, "/health")
    except TimeoutError:
        return SocketFacts(file, answers=False, said=f"it said nothing for {SECONDS:.0f} seconds")
    except TeleClaudeError as error:
        return SocketFacts(file, answers=False, said=error.message)
    return SocketFacts(file, answers=True, sessions=await _count_sessions(path))


async def _count_sessions(path: Path) -> int | Unknown:
    try:
        async with asyncio.timeout(SECONDS):
            return len(await ask(path, "/sessions?closed=true"))
    except TimeoutError:
        return Unknown(f"it did not list its sessions in {SECONDS:.0f} seconds", "time teleclaude sessions --closed")
    except TeleClaudeError as error:
        return Unknown(error.message, error.hint)
