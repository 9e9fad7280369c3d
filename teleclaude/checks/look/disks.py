"""Looks at the room on the disks."""

from __future__ import annotations

import os
from pathlib import Path

from teleclaude.checks.facts import DatabaseFacts, Disk
from teleclaude.checks.look.files import find_existing
from teleclaude.checks.problems import DATA_UNKNOWN, NOT_MEASURED
from teleclaude.errors import Problem
from teleclaude.layout import Layout


def look_at_disks(layout: Layout, database: DatabaseFacts | Problem) -> dict[str, Disk | Problem]:
    """Return the room where the state is, and where the data of the database is if that is known and here."""
    data = None if isinstance(database, Problem) else database.data
    return {"state": _measure(layout.state), "data": DATA_UNKNOWN if data is None else _measure(data)}


def _measure(path: Path) -> Disk | Problem:
    try:
        state = os.statvfs(find_existing(path))
    except OSError as error:
        return NOT_MEASURED.fill(path=path, reason=error.strerror)
    return Disk(path, state.f_bavail * state.f_frsize)
