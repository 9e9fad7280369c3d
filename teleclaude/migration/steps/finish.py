"""The end: every file of the old installation is as it was, and the run becomes complete."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from teleclaude.db.retry import uninterrupted
from teleclaude.errors import SourceError
from teleclaude.migration.discover.processes import find_processes
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import Event, SourceFileResult
from teleclaude.migration.source.files import digest_now
from teleclaude.migration.source.installation import Places
from teleclaude.migration.source.privsep import privsep_for
from teleclaude.migration.source.snapshot import check_unchanged
from teleclaude.migration.source.stoppable import in_thread
from teleclaude.migration.state.target_row import complete
from teleclaude.migration.steps.problems import ACTIVE_AGAIN, FILE_CHANGED


async def finish(plan: Plan) -> AsyncGenerator[Event, None]:
    """Compare every old file once more, then let the daemon serve.

    Raises SourceError where a file changed or a program of the old installation runs again, TargetError where the run's
    row is gone.
    """
    privsep = privsep_for(plan.inventory.account)
    results = [
        SourceFileResult(str(file.path), file.sha256, await in_thread(digest_now, privsep, file))
        for file in plan.inventory.files
    ]
    for result in results:
        yield result
    await in_thread(check_unchanged, privsep, plan.databases)
    for result in results:
        if result.sha256_before != result.sha256_after:
            raise SourceError(FILE_CHANGED.fill(path=result.path))
    for activity in find_processes(privsep, Places(plan.inventory.checkout, plan.inventory.home), plan.databases):
        raise SourceError(ACTIVE_AGAIN.fill(**vars(activity.problem)))
    if not plan.options.dry_run and plan.url is not None:
        # From here an interrupt comes too late.
        await uninterrupted(complete(plan.url, plan.run))
