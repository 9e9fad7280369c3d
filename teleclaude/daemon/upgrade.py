"""Upgrading: the schema of a system-wide database, with everything in it, to the revision of this program."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.daemon.boot import Installation, read_our_revision, refuse_pending
from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import hold_database, work_alone
from teleclaude.db.retry import RETRY_SECONDS, commit_and_know, in_transaction, uninterrupted
from teleclaude.db.url import display_url
from teleclaude.errors import TargetError, UpgradeError


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
    BootRefusedError where it is not ours, or a migration into it is pending; UpgradeError where the upgrade fails.
    """
    url = installation.url
    if not url.drivername.startswith("postgresql"):
        raise TargetError("there is no system-wide installation here", "run teleclaude migrate-to-system first")
    with explained(url):
        async with disposing(make_engine(url)) as engine, hold_database(engine), engine.connect() as connection:
            # Whatever is not committed is rolled back when the connection is given back.
            await work_alone(connection)
            planned = await _plan(connection, url)
            if planned.revisions:
                await _run(planned, connection, url)
            if planned.revisions and not dry_run:
                await uninterrupted(_commit(planned, connection, url))
    return planned


async def _plan(connection: AsyncConnection, url: URL) -> Upgrade:
    """Return what is to be done; raises TargetError or BootRefusedError where nothing may be."""
    found = await read_our_revision(connection)
    revisions = schema.find_way(found)
    if revisions is None:
        raise TargetError(
            f"the database is at schema revision {found}, which this program does not know",
            f"install the release of teleclaude that knows {found}",
        )
    await refuse_pending(connection)
    return Upgrade(display_url(url), found, revisions)


async def _run(planned: Upgrade, connection: AsyncConnection, url: URL) -> None:
    try:
        with explained(url):
            await connection.run_sync(schema.upgrade)
    except TargetError as error:
        raise UpgradeError(f"{planned.sentence} failed: {error.message}", _to_hint(error.hint), undone=True) from error


def _to_hint(hint: str) -> str:
    return f"the database is as it was; {hint}, and run it again"


async def _commit(planned: Upgrade, connection: AsyncConnection, url: URL) -> None:
    """Commit. Raises UpgradeError where the database is not upgraded, or does not say whether it is."""
    try:
        with explained(url):
            await commit_and_know(connection, partial(_is_upgraded, planned, url))
    except TargetError as error:
        sentence = f"{planned.sentence} was not committed: {error.message}"
        raise UpgradeError(sentence, _to_hint(error.hint), undone=True) from error


async def _is_upgraded(planned: Upgrade, url: URL) -> bool:
    """Whether the upgrade has committed, asked on a new connection; raises UpgradeError where nobody answers."""

    async def look(connection: AsyncConnection) -> bool:
        # Waits until the transaction whose end is not known has ended.
        await work_alone(connection)
        return await connection.run_sync(schema.read_revision) == schema.head()

    try:
        return await in_transaction(url, look)
    except TargetError as error:
        sentence = f"{planned.sentence}: whether it was committed is not known, for {RETRY_SECONDS:.0f} seconds"
        hint = "when the server answers, run teleclaude upgrade again: it says where the database stands"
        raise UpgradeError(sentence, hint, undone=False) from error
