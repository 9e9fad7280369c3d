"""Looks at the socket of the daemon, and asks whether it is well."""

from __future__ import annotations

import asyncio
from pathlib import Path

from teleclaude.checks.facts import Kind, SocketFacts
from teleclaude.checks.look.files import look_at_path
from teleclaude.daemon.client import ask
from teleclaude.errors import TeleClaudeError

SECONDS = 5.0
"""How long the daemon may take to answer."""


async def look_at_socket(path: Path) -> SocketFacts:
    """Return what is at `path`, and whether a daemon answers there that it is well."""
    file = look_at_path(path)
    if file.kind is not Kind.SOCKET:
        return SocketFacts(file, answers=False)
    try:
        async with asyncio.timeout(SECONDS):
            await ask(path, "/health")
    except TimeoutError:
        return SocketFacts(file, answers=False, said=f"it did not answer for {SECONDS:.0f} seconds")
    except TeleClaudeError as error:
        return SocketFacts(file, answers=False, said=error.problem.message)
    return SocketFacts(file, answers=True)
