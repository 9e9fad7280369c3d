"""Asks the database, read-only."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import URL, Connection, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.checks.facts import DatabaseFacts, Holder
from teleclaude.checks.problems import NO_REPLY, NOT_POSTGRESQL
from teleclaude.daemon.boot import Installation
from teleclaude.db import schema
from teleclaude.db.data_directory import find_data_directory
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import find_holder
from teleclaude.db.models import MigrationRun, Model, Session
from teleclaude.db.store.system import pending_runs
from teleclaude.db.url import display_url
from teleclaude.errors import ConfigError, Problem, TargetError

SECONDS = 10.0
"""How long the database may take to answer."""

_ABOUT = """
SELECT current_setting('server_version_num')::int AS version, pg_encoding_to_char(encoding) AS encoding,
       pg_is_in_recovery() AS standby, current_database() AS name, current_user AS role,
       has_database_privilege(current_database(), 'CREATE')
       AND coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
       coalesce((SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl), '') AS tls,
       inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr() AS on_this_computer
FROM pg_database WHERE datname = current_database()
"""

_FORBIDDEN = """
SELECT relname FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind = 'r' AND relname = ANY(:tables)
  AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
           AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
ORDER BY relname
"""
"""has_table_privilege with a list of privileges would ask for any of them (PostgreSQL manual, table 9.72)."""


async def look_at_database(installation: Installation | Problem) -> DatabaseFacts | Problem:
    """Return what the database says about itself and our role, or why it does not answer."""
    if isinstance(installation, Problem):
        return installation
    url = installation.url
    if not url.drivername.startswith("postgresql"):
        return NOT_POSTGRESQL
    try:
        async with asyncio.timeout(SECONDS):
            with explained(url):
                async with disposing(make_engine(url, read_only=True)) as engine, engine.connect() as connection:
                    return await _ask(connection, url)
    except TimeoutError:
        return NO_REPLY.fill(database=display_url(url), seconds=SECONDS)
    except (TargetError, ConfigError) as error:
        return error.problem


async def _ask(connection: AsyncConnection, url: URL) -> DatabaseFacts:
    about = (await connection.execute(text(_ABOUT))).one()._asdict()
    forbidden = await connection.scalars(text(_FORBIDDEN), {"tables": list(Model.metadata.tables)})
    revision = await connection.run_sync(schema.read_revision)
    holder = await find_holder(connection)
    at_head = revision == schema.head()
    return DatabaseFacts(
        **about,
        address=display_url(url),
        forbidden=tuple(forbidden.all()),
        sslmode=str(url.query.get("sslmode", "prefer")),
        data=await find_data_directory(connection),
        revision=revision,
        head=schema.head(),
        can_upgrade=revision is not None and schema.find_way(revision) is not None,
        holder=Holder(holder.process, holder.client) if holder else None,
        is_empty=revision is None and not await connection.run_sync(schema.read_tables),
        pending=tuple(await pending_runs(connection)) if at_head else (),
        complete=tuple(await connection.run_sync(_complete_runs)) if at_head else (),
        owners=await connection.run_sync(_count_owners) if at_head else None,
    )


def _complete_runs(connection: Connection) -> Sequence[str]:
    run = MigrationRun
    return connection.scalars(select(run.run_id).where(run.state == "complete").order_by(run.started_at)).all()


def _count_owners(connection: Connection) -> dict[str, int]:
    counted = connection.execute(select(Session.owner_person, func.count()).group_by(Session.owner_person))
    return {owner: count for owner, count in counted}
