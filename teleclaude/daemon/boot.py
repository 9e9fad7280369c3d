"""Booting: configuration, engine, schema, lock. Serving and probing boot the same way."""

from __future__ import annotations

import getpass
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import URL, Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.config.files import ClosedError, read_single_user, read_system
from teleclaude.config.layers import REFERENCE
from teleclaude.config.schema import Settings
from teleclaude.daemon import problems
from teleclaude.daemon.lease import Lease
from teleclaude.daemon.own_session import keeping_session
from teleclaude.daemon.service import Service
from teleclaude.daemon.service_user import find_keeper, make_own_command
from teleclaude.db import schema
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.file_lock import hold_pid_file
from teleclaude.db.store.system import pending_runs
from teleclaude.db.url import parse_url
from teleclaude.errors import BootRefusedError, ConfigError, TargetError
from teleclaude.layout import Layout, is_system_mode, make_layout
from teleclaude.platform.names import HERE

SINGLE_USER_SOCKET = Path("/tmp/teleclaude-api.sock")  # noqa: S108 - fixed by the single-user release
"""Where the single-user daemon has always listened (facts: installation, services)."""


@dataclass(frozen=True)
class Installation:
    """The settings, the database and the places of an installation."""

    settings: Settings
    url: URL
    socket: Path
    pid_file: Path | None
    """The lock of a single-user installation; a system-wide one locks its database."""
    state: Path | None = None
    """The folder of the state of a system-wide installation."""

    @property
    def single_user(self) -> bool:
        """Whether it is one user's own."""
        return self.pid_file is not None


@dataclass(frozen=True)
class Daemon:
    """A booted daemon."""

    installation: Installation
    service: Service
    revision: str
    pending: tuple[str, ...] = ()
    lease: Lease | None = None
    """The lock on the database of a system-wide installation."""


def find_installation(root: Path | None, environ: Mapping[str, str], checkout: Path) -> Installation:
    """Return the installation that this process is to serve: the system's below `root`, or the one in `checkout`.

    Raises ConfigError.
    """
    layout = make_layout(HERE, root, environ)
    if is_system_mode(layout, environ, _user_name()):
        return _find_system(layout, environ)
    settings = read_single_user(checkout, environ)
    url = parse_url(f"sqlite:///{checkout / 'teleclaude.db'}")
    return Installation(settings, url, SINGLE_USER_SOCKET, checkout / "teleclaude.pid")


def find_socket(root: Path | None, environ: Mapping[str, str]) -> Path:
    """Return where the daemon listens; needs no configuration, which a user may not be allowed to read."""
    layout = make_layout(HERE, root, environ)
    return layout.socket if is_system_mode(layout, environ, _user_name()) else SINGLE_USER_SOCKET


def _find_system(layout: Layout, environ: Mapping[str, str]) -> Installation:
    path = layout.system_config
    try:
        settings = read_system(layout, environ)
    except ClosedError as error:
        keeper = layout.service_user if layout.root is None else find_keeper(layout)
        raise ConfigError(problems.CLOSED.fill(path=error.path, command=make_own_command(keeper))) from None
    if settings.database is None:
        raise ConfigError(problems.NO_DATABASE_URL.fill(path=path), path=path)
    unset = REFERENCE.search(settings.database.url)
    if unset:
        values = {"path": path, "reference": unset[0], "name": unset[1], "secrets": layout.secrets}
        raise ConfigError(problems.VARIABLE_NOT_SET.fill(**values), path=path)
    url = parse_url(settings.database.url, environ)
    return Installation(settings, url, layout.socket, None, layout.state)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.geteuid())


@asynccontextmanager
async def boot(installation: Installation, *, only_later: bool = False) -> AsyncIterator[Daemon]:
    """Boot to serve: hold the lock, create the schema in an empty database, refuse while a migration is pending.

    With `only_later` the outbox leaves what a migration brought.

    Raises LockHeldError, BootRefusedError, TargetError.
    """
    url, pid_file = installation.url, installation.pid_file
    async with AsyncExitStack() as stack:
        if pid_file is not None:
            stack.enter_context(hold_pid_file(pid_file))
        own = None if pid_file is not None else stack.enter_context(keeping_session(url, installation.state))
        engine = await stack.enter_async_context(disposing(make_engine(own.url if own else url)))
        single_user = installation.single_user
        service = Service(engine, installation.settings, single_user=single_user, only_later=only_later)

        async def examine() -> None:
            async with engine.begin() as connection:
                if pid_file is None:
                    await _refuse_standby(connection)
                await connection.run_sync(_create_where_empty)
                await _check_revision(connection)
                await refuse_pending(connection)

        if own is None:
            # The database explains only its own errors, so nothing else happens in this context.
            with explained(url):
                await examine()
            yield Daemon(installation, service, schema.head())
            return
        lease = Lease(engine, own, examine)
        stack.push_async_callback(lease.release)
        await lease.take()
        yield Daemon(installation, replace(service, confirm=lease.confirm), schema.head(), lease=lease)


async def read_our_revision(connection: AsyncConnection) -> str:
    """Return the schema revision of the database; raises BootRefusedError where our tables are not there."""
    found = await connection.run_sync(schema.read_revision)
    if found is None:
        raise BootRefusedError(problems.NOT_OUR_DATABASE)
    return found


async def refuse_pending(connection: AsyncConnection) -> None:
    """Raise BootRefusedError where a migration into the database has committed and is not finished."""
    pending = await pending_runs(connection)
    if pending:
        raise BootRefusedError(problems.MIGRATION_NOT_FINISHED.fill(run=pending[0]))


async def _refuse_standby(connection: AsyncConnection) -> None:
    """Raise TargetError where nothing can be written; a daemon that served before waits for the promotion."""
    if await connection.scalar(text("SELECT pg_is_in_recovery()")):
        raise TargetError(problems.STANDBY)


@asynccontextmanager
async def boot_read_only(installation: Installation) -> AsyncIterator[Daemon]:
    """Boot without a lock and without the right to write; a pending migration is named and refuses nothing.

    Raises BootRefusedError, TargetError.
    """
    with explained(installation.url):
        async with disposing(make_engine(installation.url, read_only=True)) as engine:
            async with engine.connect() as connection:
                revision = await _check_revision(connection)
                pending = tuple(await pending_runs(connection))
            service = Service(engine, installation.settings, installation.single_user, audited=False)
            yield Daemon(installation, service, revision, pending)


def _create_where_empty(connection: Connection) -> None:
    """Create the schema in a database that has none of our tables; an older or another schema is not changed."""
    if schema.read_revision(connection) is None and not schema.read_tables(connection):
        schema.upgrade(connection)


async def _check_revision(connection: AsyncConnection) -> str:
    found = await read_our_revision(connection)
    if found != schema.head():
        known = schema.find_way(found) is not None
        problem = problems.SCHEMA_OLDER if known else problems.SCHEMA_UNKNOWN
        raise BootRefusedError(problem.fill(found=found, needed=schema.head()))
    return found
