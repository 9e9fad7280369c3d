"""A transfer that ran alone, and its verification table by table."""

from contextlib import aclosing
from pathlib import Path

from teleclaude.db.engine import disposing, make_engine
from teleclaude.migration.discover import discover
from teleclaude.migration.plan.plan import Plan, make_plan
from teleclaude.migration.report.events import TableResult
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.reader import reading
from teleclaude.migration.state.ledger import index_ledger
from teleclaude.migration.steps.transfer import transfer
from teleclaude.migration.verify.table import verify_table


async def transferred(options: Options, tmp_path: Path) -> Plan:
    """Plan the migration of the sample, and let the transfer run alone."""
    private = tmp_path / "private"
    private.mkdir()
    made = make_plan(options, await discover(options, "run", private, {}))
    made.folder.mkdir(parents=True)
    async for _ in transfer(made):
        pass
    return made


async def verify(plan: Plan, name: str) -> TableResult:
    """Compare a table, seven rows at a time; raises VerificationError where it differs."""
    assert plan.url is not None
    table = next(table for table in plan.tables if table.label == name)
    with reading(plan.databases) as sources:
        async with (
            index_ledger(plan.ledger, plan.inventory.private) as index,
            disposing(make_engine(plan.url)) as engine,
            engine.connect() as connection,
            aclosing(verify_table(connection, sources.of(table.from_events), table, index, 7)) as events,
        ):
            *_, last = [event async for event in events]
    assert isinstance(last, TableResult)
    return last
