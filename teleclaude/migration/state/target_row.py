"""The run's row on the target. It alone says whether a run has committed, and whether others may have written since."""

from __future__ import annotations

from functools import partial

from sqlalchemy import URL, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db import schema
from teleclaude.db.lock import work_alone
from teleclaude.db.models import MigrationRun
from teleclaude.db.retry import in_transaction
from teleclaude.errors import TargetError
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.plan.rollback import rollback_text
from teleclaude.migration.plan.rollback_sql import make_rollback
from teleclaude.migration.state.problems import NOT_PENDING, ROW_GONE
from teleclaude.printable import printable


async def insert_row(plan: Plan, target: AsyncConnection) -> None:
    """Insert the row, with the state `pending`."""
    assert plan.inventory.database is not None
    file = plan.inventory.database.real
    row = {"run_id": plan.run, "state": "pending", "source": printable(file.path), "source_sha256": file.sha256}
    await target.execute(insert(MigrationRun).values(**row, started_at=plan.started_at))


async def _read_state(run: str, target: AsyncConnection) -> str | None:
    """Return the state of the run and let nobody change it before the transaction ends; None where it left nothing.

    Waits for the end of a transaction that may still bring the row.
    """
    await work_alone(target)
    if MigrationRun.__tablename__ not in await target.run_sync(schema.read_tables):
        return None
    return await target.scalar(select(MigrationRun.state).where(MigrationRun.run_id == run).with_for_update())


async def has_arrived(url: URL, run: str) -> bool:
    """Whether the run has committed, asked on a new connection; raises TargetError where nobody answers."""
    return await in_transaction(url, partial(_read_state, run)) is not None


async def complete(url: URL, run: str) -> None:
    """Make the run complete, so that the daemon serves; raises TargetError where its row is gone."""
    await in_transaction(url, partial(_complete, run))


async def _complete(run: str, target: AsyncConnection) -> None:
    if await _read_state(run, target) is None:
        raise TargetError(ROW_GONE.fill(run=run))
    # It is complete already where the reply of a first commit was lost.
    mine = MigrationRun.run_id == run
    await target.execute(update(MigrationRun).where(mine).values(state="complete", finished_at=func.now()))


async def empty(plan: Plan) -> None:
    """Empty the target, if this very run has committed to it; a schema that existed before exists again, empty.

    Raises TargetError where the run is complete, because others may have written since.
    """
    assert plan.url is not None
    await in_transaction(plan.url, partial(_empty, plan))


async def _empty(plan: Plan, target: AsyncConnection) -> None:
    state = await _read_state(plan.run, target)
    if state is None:
        return
    if state != "pending":
        raise TargetError(NOT_PENDING.fill(run=plan.run, state=state, rollback=rollback_text(plan)))
    await target.exec_driver_sql(make_rollback(plan.run))
    if plan.schema_exists:
        await target.run_sync(schema.upgrade)
