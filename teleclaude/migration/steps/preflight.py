"""Refuse early, and say everything that is wrong at once."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from teleclaude.errors import TeleClaudeError
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.publish.render import prepare_config, preview
from teleclaude.migration.report.events import Event, Result, error


async def preflight(plan: Plan) -> AsyncGenerator[Event, None]:
    """Yield what the plan found, and an error where the new configuration cannot be made from the old one.

    A rehearsal yields the new configuration as well, also where something else stands in the way.
    """
    for finding in plan.findings:
        yield finding
    results: tuple[Result, ...] = (*plan.old_files, *plan.left, *plan.cutover)
    for result in results:
        yield result
    if plan.refused and not plan.options.dry_run:
        return
    try:
        prepared = prepare_config(plan)
    except TeleClaudeError as trouble:
        if not plan.refused:
            yield error("configuration", trouble.message, trouble.hint)
        return
    if plan.options.dry_run:
        for file in prepared.files:
            yield preview(file)
