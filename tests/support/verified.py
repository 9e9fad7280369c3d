"""A transfer that ran alone, and its verification table by table."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from teleclaude.daemon.writes import NOTHING, Writes
from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import SampleInstallation
from teleclaude.demo.postgres import Server
from teleclaude.migration.discover import discover
from teleclaude.migration.plan.plan import Plan, make_plan
from teleclaude.migration.report.events import Event, Progress, TableResult
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.reader import reading
from teleclaude.migration.state.ledger import index_ledger
from teleclaude.migration.steps.transfer import transfer
from teleclaude.migration.verify.ledger_check import LedgerCheck
from teleclaude.migration.verify.table import verify_table
from tests.support.standing import Standing, stand


async def transferred(options: Options, tmp_path: Path) -> Plan:
    """Plan the migration of the sample, and let the transfer run alone."""
    private = tmp_path / "private"
    private.mkdir()
    made = make_plan(options, await discover(options, "run", private, {}))
    made.folder.mkdir(parents=True)
    async for _ in transfer(made):
        pass
    return made


@dataclass(frozen=True)
class Transferred:
    """A transfer that ran once, for tests that change what it left."""

    standing: Standing
    plan: Plan

    async def again(self) -> Plan:
        """Let everything be as the transfer left it, and return its plan."""
        await self.standing.put_back()
        return self.plan


@contextmanager
def transferred_once(server: Server, prepare: Callable[[SampleInstallation], None]) -> Iterator[Transferred]:
    """Transfer a sample that `prepare` changed before."""
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        yield asyncio.run(_transfer_and_keep(server, Path(folder), prepare))


async def _transfer_and_keep(
    server: Server, folder: Path, prepare: Callable[[SampleInstallation], None]
) -> Transferred:
    standing = await stand(server, folder)
    prepare(standing.sample)
    plan = await transferred(standing.options, standing.folder)
    await standing.keep()
    return Transferred(standing, plan)


async def verify(plan: Plan, name: str) -> TableResult:
    """Compare a table, seven rows at a time; raises VerificationError where it differs."""
    last = (await verify_used(plan, name, NOTHING))[-1]
    assert isinstance(last, TableResult)
    return last


async def verify_used(plan: Plan, name: str, writes: Writes) -> list[Event]:
    """Compare a table to which the daemon writes so, seven rows at a time; raises VerificationError."""
    assert plan.url is not None
    table = next(table for table in plan.tables if table.label == name)
    with reading(plan.databases) as sources:
        reader = sources.of(table.from_events)
        async with (
            index_ledger(plan.ledger, plan.inventory.private) as index,
            disposing(make_engine(plan.url)) as engine,
            engine.connect() as connection,
            aclosing(verify_table(connection, reader, LedgerCheck(table, index, writes), 7)) as events,
        ):
            return [event async for event in events if not isinstance(event, Progress)]
