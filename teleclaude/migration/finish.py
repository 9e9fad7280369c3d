"""The end: every file of the old installation is what it was, and the run becomes complete."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from sqlalchemy import func, update

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.models import MigrationRun
from teleclaude.errors import SourceError, TargetError
from teleclaude.migration.deputy import deputy_for
from teleclaude.migration.plan import Plan
from teleclaude.migration.reading import hash_file
from teleclaude.migration.report import Event, SourceFileResult


async def finish(plan: Plan) -> AsyncGenerator[Event, None]:
    """Look at every old file once more, then let the daemon serve.

    Raises SourceError where one changed, TargetError where the run's row is not there.
    """
    deputy = deputy_for(plan.account)
    results = [SourceFileResult(str(file.path), file.sha256, hash_file(deputy, file.path)) for file in plan.files]
    for result in results:
        yield result
    changed = [result.path for result in results if result.sha256_before != result.sha256_after]
    if changed:
        raise SourceError(f"{changed[0]} changed during the migration", "stop whatever writes to it and run again")
    if plan.dry_run or plan.url is None:
        return
    mine = (MigrationRun.run_id == plan.run) & (MigrationRun.state == "pending")
    with explained(plan.url):
        async with disposing(make_engine(plan.url)) as engine, engine.begin() as target:
            done = update(MigrationRun).where(mine).values(state="complete", finished_at=func.now())
            if (await target.execute(done)).rowcount != 1:
                raise TargetError("the run's row is gone from the target", "see who else works on the database")
