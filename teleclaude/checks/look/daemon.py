"""Asks the service manager about the daemon, its socket whether it is well, and a daemon for its sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from teleclaude.checks.facts import DatabaseFacts, Kind, SocketFacts
from teleclaude.checks.look.files import look_at_path
from teleclaude.checks.problems import LISTS_SLOWLY, NO_SERVICE, NOT_ASKED, SAID
from teleclaude.daemon.client import ask
from teleclaude.daemon.probe import probe
from teleclaude.errors import Problem, TeleClaudeError
from teleclaude.layout import Layout
from teleclaude.platform.names import Unit, UnitState, names_of
from teleclaude.platform.services import read_state

ANSWER_SECONDS = 5.0
"""How long the daemon may take to answer."""

_LIST_SECONDS = 20.0
"""How long a daemon may take to boot and to list its sessions."""


async def look_at_service(layout: Layout, platform: str) -> UnitState | Problem:
    """Return what the service manager says of our unit."""
    if layout.root is not None:
        return NO_SERVICE
    names = names_of(platform)
    return await asyncio.to_thread(read_state, names.unit, (names.manager,))


async def look_at_old_units(layout: Layout, platform: str) -> tuple[tuple[Unit, UnitState], ...]:
    """Return what the service manager says of each unit of the old installation; of a trial it is not asked."""
    names = names_of(platform)
    units = names.old_units if layout.root is None else ()
    states = await asyncio.gather(*(asyncio.to_thread(read_state, unit, (names.manager,)) for unit in units))
    return tuple((unit, state) for unit, state in zip(units, states, strict=True) if isinstance(state, UnitState))


async def look_at_socket(path: Path) -> SocketFacts:
    """Return what is at `path`, and whether a daemon answers there that it is well."""
    file = look_at_path(path)
    if file.kind is not Kind.SOCKET:
        return SocketFacts(file, answers=False)
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await ask(path, "/health")
    except TimeoutError:
        return SocketFacts(file, answers=False, said=f"it did not answer for {ANSWER_SECONDS:.0f} seconds")
    except TeleClaudeError as error:
        return SocketFacts(file, answers=False, said=error.problem.message)
    return SocketFacts(file, answers=True)


async def look_at_sessions(
    root: Path | None, environ: Mapping[str, str], database: DatabaseFacts | Problem
) -> int | Problem:
    """Return how many sessions a daemon lists that boots read-only for it.

    A daemon that serves would note in the audit log that somebody looked at them; a check leaves no trace.
    """
    if isinstance(database, Problem) or database.owners is None:
        return NOT_ASKED
    try:
        async with asyncio.timeout(_LIST_SECONDS):
            verdict = await probe(root, {**environ, "TELECLAUDE_SYSTEM_MODE": "1"}, Path("/"))
    except TimeoutError:
        return LISTS_SLOWLY.fill(seconds=_LIST_SECONDS)
    return SAID.fill(**verdict.problems[0]) if verdict.problems else len(verdict.all_sessions)
