"""The database to move to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, select, text

from teleclaude.daemon.boot import find_installation
from teleclaude.db import schema
from teleclaude.db.connection_files import find_url
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import hold_database
from teleclaude.db.models import MigrationRun
from teleclaude.db.watch import watched
from teleclaude.errors import ConfigError, LockHeldError
from teleclaude.migration.discover.problems import NO_POSTGRESQL
from teleclaude.migration.source.inventory import TargetRun, TargetState
from teleclaude.migration.source.options import Options
from teleclaude.migration.values.identifiers import ORIGIN, quote

_FACTS = """
SELECT current_setting('server_version_num')::int, pg_encoding_to_char(encoding), pg_is_in_recovery(),
       has_database_privilege(current_database(), 'CREATE')
       AND coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
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
    if options.target is not None or any(map(environ.get, ("PGHOST", "PGDATABASE", "PGSERVICE"))):
        # Where there is no home, Path.home() would raise an error; then there are no files of libpq either.
        home = Path(os.path.expanduser("~"))  # noqa: PTH111
        url = find_url(options.target or "postgresql://", environ, home)
    elif options.recovery:
        url = _find_published(options.root, environ)
    if url is not None and not url.drivername.startswith("postgresql"):
        raise ConfigError(NO_POSTGRESQL)
    return url


def _find_published(root: Path | None, environ: Mapping[str, str]) -> URL | None:
    """Return the database of the system's configuration, None where no configuration can be read."""
    with suppress(ConfigError):
        return find_installation(root, {**environ, "TELECLAUDE_SYSTEM_MODE": "1"}, Path("/")).url
    return None


async def read_target(url: URL, wait_seconds: float = 0.0) -> TargetState:
    """Return what the target holds; raises TargetError where it cannot be reached.

    A process that holds its lock gets `wait_seconds` to release it.
    """
    with explained(url):
        async with disposing(make_engine(url, read_only=True)) as engine:
            held_by = ""
            try:
                async with hold_database(engine, wait_seconds):
                    pass
            except LockHeldError as error:
                held_by = error.problem.message
            async with watched(engine) as connection:
                return await connection.run_sync(_read_state, held_by)


def _read_state(connection: Connection, held_by: str) -> TargetState:
    version, encoding, standby, may_create = connection.execute(text(_FACTS)).one()
    ours = schema.read_tables(connection)
    revision = schema.read_revision(connection)
    names = {str(name): bool(moved) for name, moved in connection.execute(text(_NAMES))}
    return TargetState(
        server_version=version,
        encoding=encoding,
        revision=revision,
        head=schema.head(),
        rows={name: _count(connection, name) for name in sorted(ours)},
        taken=frozenset(names),
        legacy=frozenset(name for name, moved in names.items() if moved),
        schemas=frozenset(inspect(connection).get_schema_names()),
        runs=_read_runs(connection) if revision == schema.head() and MigrationRun.__tablename__ in ours else (),
        may_create=may_create,
        standby=standby,
        held_by=held_by,
    )


def _read_runs(connection: Connection) -> tuple[TargetRun, ...]:
    row = MigrationRun
    found = connection.execute(select(row.run_id, row.state, row.source, row.source_sha256, row.started_at))
    return tuple(TargetRun(run, state, path, digest, at.isoformat()) for run, state, path, digest, at in found)


def _count(connection: Connection, name: str) -> int:
    return int(connection.execute(text(f"SELECT count(*) FROM {quote(name)}")).scalar_one())  # noqa: S608
