"""Looks at the room on the disks."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from teleclaude.checks.facts import DatabaseFacts, Disk, Unknown
from teleclaude.checks.look.files import standing
from teleclaude.layout import Layout


def look_at_disks(layout: Layout, database: DatabaseFacts | Unknown) -> dict[str, Disk | Unknown]:
    """Return the room where the state lies, and where the database lies if that is known and here."""
    data = None if isinstance(database, Unknown) else database.data
    elsewhere = Unknown("where the database lies is not known here", "look there: df -h")
    return {"state": _measure(layout.state), "data": elsewhere if data is None else _measure(data)}


def _measure(path: Path) -> Disk | Unknown:
    try:
        state = os.statvfs(standing(path))
    except OSError as error:
        return Unknown(
            f"the disk of {path} cannot be measured: {error.strerror}", f"as root: df -h {shlex.quote(str(path))}"
        )
    return Disk(path, state.f_bavail * state.f_frsize)
