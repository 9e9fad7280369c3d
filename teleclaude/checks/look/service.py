"""Asks the service manager about our unit and the old installation's."""

from __future__ import annotations

import asyncio

from teleclaude.checks.facts import ServiceFacts
from teleclaude.checks.problems import NO_MANAGER, NO_SERVICE
from teleclaude.errors import Problem
from teleclaude.layout import Layout
from teleclaude.platform.names import Names, names_of
from teleclaude.platform.services import NoAnswer, UnitState, read_state


async def look_at_service(layout: Layout, platform: str) -> ServiceFacts | Problem:
    """Return what the service manager says of our unit and of the old installation's."""
    if layout.root is not None:
        return NO_SERVICE
    return await asyncio.to_thread(_ask, names_of(platform))


def _ask(names: Names) -> ServiceFacts | Problem:
    ask = (names.manager,)
    ours = read_state(names.unit, ask)
    if isinstance(ours, NoAnswer):
        return NO_MANAGER.fill(message=ours.message)
    # Another manager may keep the old unit: on macOS it is an agent of the user.
    old = read_state(names.old, ask) if names.old.domain == names.unit.domain else None
    return ServiceFacts(
        load=ours.load,
        enabled=ours.enabled,
        active=ours.active,
        result=ours.result,
        stale=ours.stale,
        old=_old_state(old),
        old_unit=names.old.name,
    )


def _old_state(old: UnitState | NoAnswer | None) -> str:
    if not isinstance(old, UnitState):
        return ""
    return "active" if old.kept else "enabled" if old.at_boot else ""
