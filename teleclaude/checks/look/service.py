"""Asks the service manager about our unit and those of the old installation."""

from __future__ import annotations

import asyncio

from teleclaude.checks.problems import NO_SERVICE
from teleclaude.errors import Problem
from teleclaude.layout import Layout
from teleclaude.platform.names import Unit, UnitState, names_of
from teleclaude.platform.services import read_state


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
