"""The database to move to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import asyncpg
from sqlalchemy import URL, Connection, inspect, select, text

from teleclaude.daemon.boot import find_installation
from teleclaude.db import schema
from teleclaude.db.connection_files import explain_refusal, find_password_file, find_url
from teleclaude.db.engine import disposing, explained, find_cause, make_engine
from teleclaude.db.lock import hold_database
from teleclaude.db.models import MigrationRun
from teleclaude.db.url import display_url
from teleclaude.db.watch import watched
from teleclaude.errors import ConfigError, LockHeldError, TargetError, TeleClaudeError
from teleclaude.migration.discover.problems import NO_POSTGRESQL
from teleclaude.migration.discover.target_names import find_owners, find_same_names, find_unrelated
from teleclaude.migration.discover.target_settings import read_limits, read_settings
from teleclaude.migration.source.inventory import OLDEST_SERVER, TakenName, TargetRun, TargetState
from teleclaude.migration.source.options import Options
from teleclaude.migration.values.identifiers import ORIGIN, quote

_NAMING = ("PGHOST", "PGDATABASE", "PGSERVICE")
"""The variables that name a target."""

_VERSION = "SELECT current_setting('server_version_num')::int"

_FACTS = """
SELECT current_database()::text AS database, current_user::text AS role, pg_encoding_to_char(encoding) AS encoding,
       pg_is_in_recovery() AS standby, has_database_privilege(current_database(), 'CREATE') AS may_create,
       current_schema()::text AS schema,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), true) AS may_create_tables,
       coalesce((SELECT has_tablespace_privilege(oid, 'CREATE') FROM pg_tablespace
                 WHERE spcname = current_setting('default_tablespace')), true) AS may_use_tablespace
FROM pg_database WHERE datname = current_database()
"""

_NAMES = f"""
SELECT relname, coalesce(obj_description(oid, 'pg_class'), '') LIKE '{ORIGIN}%' FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(current_schema()))
UNION SELECT typname, false FROM pg_type
WHERE typnamespace = to_regnamespace(quote_ident(current_schema())) AND typrelid = 0 AND typcategory <> 'A'
"""  # noqa: S608
"""The names that a new table cannot have (PostgreSQL manual, CREATE TABLE), and whether a migration made them."""


def choose_target(options: Options, environ: Mapping[str, str]) -> URL | None:
    """Return the database to move to: as asked, else as the `PG*` variables say, None where neither names one.

    For a run that was cut off it is, in the last place, the database of the configuration that the run published.
    Raises ConfigError where a setting cannot be read, or the database is not PostgreSQL.
    """
    url = None
    if _is_named(options, environ):
        url = find_url(options.target or "postgresql://", environ, _home())
    elif options.recovery:
        url = _find_published(options.root, environ)
    if url is not None and not url.drivername.startswith("postgresql"):
        raise ConfigError(NO_POSTGRESQL)
    return url


def _is_named(options: Options, environ: Mapping[str, str]) -> bool:
    return options.target is not None or any(map(environ.get, _NAMING))


def find_target_password(options: Options, environ: Mapping[str, str]) -> dict[str, str]:
    """Return by which parameter and variable libpq finds the password of `choose_target` in a file; empty for none."""
    if not _is_named(options, environ):
        return {}
    return find_password_file(options.target or "postgresql://", environ, _home())


def _home() -> Path:
    # Where there is no home, Path.home() would raise an error; then there are no files of libpq either.
    return Path(os.path.expanduser("~"))  # noqa: PTH111


def _find_published(root: Path | None, environ: Mapping[str, str]) -> URL | None:
    """Return the database of the system's configuration, None where no configuration can be read."""
    with suppress(ConfigError):
        return find_installation(root, {**environ, "TELECLAUDE_SYSTEM_MODE": "1"}, Path("/")).url
    return None


def explain_password(
    options: Options, environ: Mapping[str, str], url: URL, refused: TeleClaudeError
) -> TeleClaudeError:
    """Return the error with the place that the refused password is from, or why none was found; others as they are."""
    if refused.__cause__ is None or not isinstance(find_cause(refused.__cause__), asyncpg.InvalidPasswordError):
        return refused
    if not _is_named(options, environ):
        return refused
    problem = explain_refusal(options.target or "postgresql://", environ, _home())
    return TargetError(problem.fill(database=display_url(url)))


async def read_target(url: URL, wait_seconds: float = 0.0) -> TargetState:
    """Return what the target holds; of a server that is too old, its version alone.

    A process that holds its lock gets `wait_seconds` to release it. Raises TargetError where the target cannot be
    reached.
    """
    with explained(url):
        async with disposing(make_engine(url, read_only=True)) as engine:
            async with engine.connect() as connection:
                version = await connection.scalar(text(_VERSION))
                if version < OLDEST_SERVER * 10_000:
                    return TargetState(server_version=version)
            held_by = ""
            try:
                async with hold_database(engine, wait_seconds):
                    pass
            except LockHeldError as error:
                held_by = error.problem.message
            async with watched(engine) as connection:
                await connection.execute(text("SET LOCAL statement_timeout = 0"))
                return replace(await connection.run_sync(_read_state, url), server_version=version, held_by=held_by)


def _read_state(connection: Connection, url: URL) -> TargetState:
    facts = connection.execute(text(_FACTS)).one()._asdict()
    owners = find_owners(connection)
    same_names = find_same_names(connection)
    is_ours = not owners and TakenName("table", schema.VERSION_TABLE) in same_names
    revision = schema.read_revision(connection) if is_ours else None
    names = {str(name): bool(moved) for name, moved in connection.execute(text(_NAMES))}
    ours = schema.read_tables(connection) if revision is not None else frozenset()
    return TargetState(
        **facts,
        revision=revision,
        head=schema.head(),
        rows={name: _count(connection, name) for name in sorted(ours)},
        taken=frozenset(names),
        legacy=frozenset(name for name, moved in names.items() if moved),
        schemas=frozenset(inspect(connection).get_schema_names()),
        runs=_read_runs(connection) if revision == schema.head() and MigrationRun.__tablename__ in ours else (),
        names_taken=tuple(found for found in same_names if revision is None or _cannot_be_ours(found)),
        owners=owners,
        unrelated=tuple(find_unrelated(connection)),
        settings=read_settings(connection, url),
        free_connections=read_limits(connection),
    )


def _cannot_be_ours(found: TakenName) -> bool:
    return bool(found.extension) or found.kind not in {"table", "index", "function"}


def _read_runs(connection: Connection) -> tuple[TargetRun, ...]:
    row = MigrationRun
    found = connection.execute(select(row.run_id, row.state, row.source, row.source_sha256, row.started_at))
    return tuple(TargetRun(run, state, path, digest, at.isoformat()) for run, state, path, digest, at in found)


def _count(connection: Connection, name: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {quote(name)}")).scalar_one())  # noqa: S608
