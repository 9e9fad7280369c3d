"""The upgrade: it brings the schema and the data of a system-wide database to the newest revision of this program."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.daemon import problems
from teleclaude.daemon.boot import Installation, read_our_revision, refuse_pending
from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import hold_database, work_alone
from teleclaude.db.retry import RETRY_SECONDS, commit_and_know, in_transaction, uninterrupted
from teleclaude.db.url import display_url
from teleclaude.db.watch import watched
from teleclaude.errors import LockHeldError, Problem, TargetError, UpgradeError
from teleclaude.platform.names import HERE, UnitState, names_of
from teleclaude.platform.services import read_state


@dataclass(frozen=True)
class Upgrade:
    """An upgrade that was done or, with a dry run, would be done."""

    database: str
    """The URL without its password."""
    before: str
    revisions: tuple[str, ...]
    """The revisions that follow `before`, the newest last; none where the database is at the newest."""

    @property
    def sentence(self) -> str:
        """Say from where to where."""
        return f"{self.database}: schema revision {self.before} to {schema.head()}"


async def upgrade(installation: Installation, *, dry_run: bool = False) -> Upgrade:
    """Bring the database to the newest revision in one transaction; with `dry_run` the transaction is rolled back.

    Raises LockHeldError while a daemon or a migration works on the database; TargetError where it cannot be upgraded;
    BootRefusedError where it is not ours, or a migration into it is pending; UpgradeError where the upgrade fails.
    """
    url = installation.url
    if not url.drivername.startswith("postgresql"):
        raise TargetError(problems.NO_SYSTEM_INSTALLATION)
    with explained(url):
        async with disposing(make_engine(url)) as engine, hold_database(engine), watched(engine) as connection:
            # Without a commit, the transaction is rolled back when the connection is closed.
            await work_alone(connection)
            planned = await _plan(connection, url)
            if planned.revisions:
                with _undone(planned, url, problems.UPGRADE_FAILED):
                    await connection.run_sync(schema.upgrade)
            if planned.revisions and not dry_run:
                await uninterrupted(_commit(planned, connection, url))
    return planned


def explain_holder(held: LockHeldError, root: Path | None) -> LockHeldError:
    """Return the error with the service and the command that stops it, where the service runs.

    Below a root there is no service.
    """
    names = names_of(HERE)
    state = read_state(names.unit, (names.manager,)) if root is None else None
    if not isinstance(state, UnitState) or not state.kept:
        return held
    return LockHeldError(problems.SERVICE_RUNS.fill(unit=names.unit.name, stop=names.our(names.commands.stop)))


async def _plan(connection: AsyncConnection, url: URL) -> Upgrade:
    """Return the upgrade that is needed; raises TargetError, BootRefusedError."""
    found = await read_our_revision(connection)
    revisions = schema.find_way(found)
    if revisions is None:
        raise TargetError(problems.SCHEMA_UNKNOWN.fill(found=found))
    await refuse_pending(connection)
    return Upgrade(display_url(url), found, revisions)


async def _commit(planned: Upgrade, connection: AsyncConnection, url: URL) -> None:
    with _undone(planned, url, problems.UPGRADE_NOT_COMMITTED):
        await commit_and_know(connection, url, partial(_is_upgraded, planned, url))


@contextmanager
def _undone(planned: Upgrade, url: URL, problem: Problem) -> Iterator[None]:
    """Turn an error of the database into an UpgradeError with this problem: the database is as it was."""
    try:
        with explained(url):
            yield
    except TargetError as error:
        filled = problem.fill(upgrade=planned.sentence, reason=error.problem.message, hint=error.problem.hint)
        raise UpgradeError(filled, undone=True) from error


async def _is_upgraded(planned: Upgrade, url: URL) -> bool:
    """Whether the upgrade has committed, asked on a new connection; raises UpgradeError where the server is silent."""

    async def look(connection: AsyncConnection) -> bool:
        # Wait until the transaction with the unknown end has ended.
        await work_alone(connection)
        return await connection.run_sync(schema.read_revision) == schema.head()

    try:
        return await in_transaction(url, look)
    except TargetError as error:
        problem = problems.UPGRADE_UNSURE.fill(upgrade=planned.sentence, seconds=round(RETRY_SECONDS))
        raise UpgradeError(problem, undone=False) from error
