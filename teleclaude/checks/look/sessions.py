"""Looks at the sessions as a daemon lists them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from teleclaude.checks.facts import DatabaseFacts, Unknown
from teleclaude.daemon.probe import probe

SECONDS = 20.0


async def look_at_sessions(
    root: Path | None, environ: Mapping[str, str], database: DatabaseFacts | Unknown
) -> int | Unknown:
    """Return how many sessions a daemon lists that boots read-only for it.

    The one that serves would note in the audit log whose sessions were looked at, and a check leaves no trace.
    """
    if isinstance(database, Unknown) or database.owners is None:
        return Unknown("the database cannot be asked", "see to the database and the schema first")
    try:
        async with asyncio.timeout(SECONDS):
            verdict = await probe(root, {**environ, "TELECLAUDE_SYSTEM_MODE": "1"}, Path("/"))
    except TimeoutError:
        return Unknown(f"it did not list them in {SECONDS:.0f} seconds", "time teleclaude sessions --closed")
    if verdict.problems:
        return Unknown(verdict.problems[0]["message"], verdict.problems[0]["hint"])
    return len(verdict.all_sessions)
