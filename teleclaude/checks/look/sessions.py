"""Looks at the sessions as a daemon lists them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from teleclaude.checks.facts import DatabaseFacts
from teleclaude.checks.problems import LISTS_SLOWLY, NOT_ASKED, SAID
from teleclaude.daemon.probe import probe
from teleclaude.errors import Problem

_SECONDS = 20.0
"""How long a daemon may take to boot and to list them."""


async def look_at_sessions(
    root: Path | None, environ: Mapping[str, str], database: DatabaseFacts | Problem
) -> int | Problem:
    """Return how many sessions a daemon lists that boots read-only for it.

    A daemon that serves would note in the audit log that somebody looked at them; a check leaves no trace.
    """
    if isinstance(database, Problem) or database.owners is None:
        return NOT_ASKED
    try:
        async with asyncio.timeout(_SECONDS):
            verdict = await probe(root, {**environ, "TELECLAUDE_SYSTEM_MODE": "1"}, Path("/"))
    except TimeoutError:
        return LISTS_SLOWLY.fill(seconds=_SECONDS)
    if verdict.problems:
        return SAID.fill(**verdict.problems[0])
    return len(verdict.all_sessions)
