"""Asks the service manager about our unit and the old installation's."""

from __future__ import annotations

import asyncio

from teleclaude.checks.problems import NO_SERVICE
from teleclaude.errors import Problem
from teleclaude.layout import Layout
from teleclaude.platform.names import UnitState, names_of
from teleclaude.platform.services import read_state


async def look_at_service(layout: Layout, platform: str) -> UnitState | Problem:
    """Return what the service manager says of our unit."""
    if layout.root is not None:
        return NO_SERVICE
    names = names_of(platform)
    return await asyncio.to_thread(read_state, names.unit, (names.manager,))


async def look_at_old_service(layout: Layout, platform: str) -> UnitState | None:
    """Return what the service manager says of the old installation's unit, None where it does not know it."""
    names = names_of(platform)
    # A manager that keeps the old unit elsewhere does not know it: on macOS it is an agent of the user.
    if layout.root is not None or names.old.domain != names.unit.domain:
        return None
    state = await asyncio.to_thread(read_state, names.old, (names.manager,))
    return state if isinstance(state, UnitState) else None
