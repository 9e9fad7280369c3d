"""Refuse early, and say everything that is wrong at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from teleclaude.errors import TeleClaudeError
from teleclaude.migration.plan import Plan
from teleclaude.migration.prepare import prepare_config
from teleclaude.migration.report import Event, error


async def preflight(plan: Plan) -> AsyncGenerator[Event, None]:
    """Yield what the plan found, and an error where the new configuration cannot be made from the old one."""
    for finding in plan.findings:
        yield finding
    for left in plan.left:
        yield left
    if not plan.refused:
        try:
            prepare_config(plan)
        except TeleClaudeError as trouble:
            yield error("configuration", trouble.message, trouble.hint)
