"""Upgrading: the schema of a system-wide database, with everything in it, to the revision of this program."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.daemon.boot import Installation
from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import hold_database, work_alone
from teleclaude.db.patience import PATIENCE_SECONDS, in_transaction, unstoppable
from teleclaude.db.store import pending_runs
from teleclaude.db.url import display_url
from teleclaude.errors import TargetError, UpgradeError

SETTINGS = (
    # Whoever reads a table that has to change must not keep everybody else waiting behind us.
    "SET LOCAL lock_timeout = '30s'",
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
)


@dataclass(frozen=True)
class Upgrade:
    """What was done, or would be: from which revision, and through which ones."""

    database: str
    """The URL without its password."""
    before: str
    revisions: tuple[str, ...]
    """In their order, the newest last; none where the database is at it already."""

    @property
    def sentence(self) -> str:
        """Say from where to where."""
        return f"{self.database}: schema revision {self.before} to {schema.head()}"


async def upgrade(installation: Installation, *, dry_run: bool = False) -> Upgrade:
    """Bring the database to the newest revision in one transaction; `dry_run` does the same and keeps nothing.

    Raises LockHeldError while a daemon or a migration works on the database; TargetError where it cannot be upgraded;
    UpgradeError where that fails.
    """
    url = installation.url
    if not url.drivername.startswith("postgresql"):
        raise TargetError("there is no system-wide installation here", "run teleclaude migrate-to-system first")
    with explained(url):
        async with disposing(make_engine(url)) as engine, hold_database(engine), engine.connect() as connection:
            # Whatever is not committed is rolled back when the connection is given back.
            await _work_alone(connection)
            planned = await _plan(connection, url)
            if planned.revisions:
                await _run(planned, connection, url)
            if planned.revisions and not dry_run:
                await unstoppable(_commit(planned, connection, url))
    return planned


async def _work_alone(connection: AsyncConnection) -> None:
    for setting in SETTINGS:
        await connection.exec_driver_sql(setting)
    await work_alone(connection)


async def _plan(connection: AsyncConnection, url: URL) -> Upgrade:
    """Return what is to be done; raises TargetError where nothing may be."""
    found = await connection.run_sync(schema.read_revision)
    if found is None:
        raise TargetError(
            "this database does not hold the tables of a system-wide TeleClaude",
            "run teleclaude migrate-to-system to bring a single-user installation into it, or correct database.url",
        )
    revisions = schema.find_way(found)
    if revisions is None:
        raise TargetError(
            f"the database is at schema revision {found}, which this program does not know",
            f"install the release of teleclaude that knows {found}",
        )
    pending = await pending_runs(connection)
    if pending:
        raise TargetError(
            f"the migration {pending[0]} into this database is not finished",
            "let it finish, or run teleclaude migrate-to-system with --resume or --undo",
        )
    return Upgrade(display_url(url), found, revisions)


async def _run(planned: Upgrade, connection: AsyncConnection, url: URL) -> None:
    try:
        with explained(url):
            await connection.run_sync(schema.upgrade)
    except TargetError as error:
        raise UpgradeError(f"{planned.sentence} failed: {error.message}", _mend(error.hint), undone=True) from error


def _mend(hint: str) -> str:
    return f"the database is as it was; {hint}, and run it again"


async def _commit(planned: Upgrade, connection: AsyncConnection, url: URL) -> None:
    """Commit; a reply that was lost is asked for again. Raises UpgradeError."""
    try:
        with explained(url):
            await connection.commit()
    except TargetError as error:
        if await _read_again(planned, url) != schema.head():
            sentence = f"{planned.sentence} was not committed: {error.message}"
            raise UpgradeError(sentence, _mend(error.hint), undone=True) from error


async def _read_again(planned: Upgrade, url: URL) -> str | None:
    async def read(connection: AsyncConnection) -> str | None:
        # Waits until the transaction whose end is not known has ended.
        await _work_alone(connection)
        return await connection.run_sync(schema.read_revision)

    try:
        return await in_transaction(url, read)
    except TargetError as error:
        sentence = f"{planned.sentence}: whether it was committed is not known, for {PATIENCE_SECONDS:.0f} seconds"
        hint = "when the server answers, run teleclaude upgrade again: it says where the database stands"
        raise UpgradeError(sentence, hint, undone=False) from error
