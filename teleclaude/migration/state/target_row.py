"""The run's row on the target: the one truth about whether a run has committed, and whether others may have written."""

from __future__ import annotations

from functools import partial

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.lock import work_alone
from teleclaude.db.models import MigrationRun
from teleclaude.db.retry import in_transaction
from teleclaude.errors import TargetError
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.plan.rollback import rollback_statements


async def insert_row(plan: Plan, target: AsyncConnection) -> None:
    """Say that the run is pending."""
    assert plan.inventory.database is not None
    known = {file.path: file.sha256 for file in plan.inventory.database.files}
    row = {
        "run_id": plan.run,
        "state": "pending",
        "source": str(plan.inventory.database.path),
        "source_sha256": known[plan.inventory.database.path],
        "started_at": plan.started_at,
    }
    await target.execute(insert(MigrationRun).values(row))


async def read_state(plan: Plan, target: AsyncConnection) -> str | None:
    """Return the state of the run and let nobody change it before the transaction ends; None where it left nothing.

    Waits until the transaction that would bring it there has ended, should it still go on.
    """
    await work_alone(target)
    if MigrationRun.__tablename__ not in await target.run_sync(schema.read_tables):
        return None
    return await target.scalar(select(MigrationRun.state).where(MigrationRun.run_id == plan.run).with_for_update())


async def has_arrived(plan: Plan) -> bool:
    """Whether the run has committed, asked on a new connection; raises TargetError where nobody answers."""

    async def look(target: AsyncConnection) -> bool:
        return await read_state(plan, target) is not None

    assert plan.url is not None
    return await in_transaction(plan.url, look)


async def complete(plan: Plan) -> None:
    """Let the daemon serve; raises TargetError where the row is not there."""
    assert plan.url is not None
    await in_transaction(plan.url, partial(_complete, plan))


async def _complete(plan: Plan, target: AsyncConnection) -> None:
    if await read_state(plan, target) is None:
        raise TargetError("the run's row is gone from the target", "see who else works on the database")
    # It is complete already where the reply of a first commit was lost.
    mine = MigrationRun.run_id == plan.run
    await target.execute(update(MigrationRun).where(mine).values(state="complete", finished_at=func.now()))


async def empty(plan: Plan) -> None:
    """Empty the target, if this very run has committed to it; a schema that stood before stands again, empty.

    Raises TargetError where the run is complete, because others may have written since.
    """
    assert plan.url is not None
    await in_transaction(plan.url, partial(_empty, plan))


async def _empty(plan: Plan, target: AsyncConnection) -> None:
    state = await read_state(plan, target)
    if state is None:
        return
    if state != "pending":
        raise TargetError(f"the run {plan.run} is {state}; others may have written since", "follow its rollback.txt")
    for statement in rollback_statements():
        await target.exec_driver_sql(statement)
    if plan.schema_exists:
        await target.run_sync(schema.upgrade)
