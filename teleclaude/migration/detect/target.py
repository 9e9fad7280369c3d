"""The database to move to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import URL, Connection, inspect, text

from teleclaude.db import schema
from teleclaude.db.connection_files import find_url
from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.lock import hold_database
from teleclaude.errors import ConfigError, LockHeldError, TargetError
from teleclaude.migration.inventory import TargetState
from teleclaude.migration.options import Options
from teleclaude.migration.shapes import quote

SAY = "say --target postgresql://USER@HOST/DATABASE"

FACTS = """
SELECT current_setting('server_version_num')::int, pg_encoding_to_char(encoding), pg_is_in_recovery(),
       has_database_privilege(current_database(), 'CREATE')
       AND coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
FROM pg_database WHERE datname = current_database()
"""

NAMES = """
SELECT relname, coalesce(obj_description(oid, 'pg_class'), '') LIKE 'Carried by teleclaude %' FROM pg_class
WHERE relnamespace = to_regnamespace(quote_ident(current_schema()))
UNION SELECT typname, false FROM pg_type
WHERE typnamespace = to_regnamespace(quote_ident(current_schema())) AND typrelid = 0 AND typcategory <> 'A'
"""
"""What a table cannot be named any more (PostgreSQL manual, CREATE TABLE), and whether a migration made it."""


def choose_target(options: Options, environ: Mapping[str, str]) -> URL:
    """Return the database to move to: as asked, else as the `PG*` variables say.

    Raises ConfigError where neither names one.
    """
    if options.target is None and not any(map(environ.get, ("PGHOST", "PGDATABASE", "PGSERVICE"))):
        raise ConfigError("no target is named", f"{SAY}, or set PGHOST and PGDATABASE")
    url = find_url(options.target or "postgresql://", environ, Path.home())
    if not url.drivername.startswith("postgresql"):
        raise ConfigError("the target is not PostgreSQL", SAY)
    return url


async def look_at_target(url: URL) -> TargetState:
    """Return what stands on the target; raises TargetError where it cannot be reached."""
    with explained(url):
        async with disposing(make_engine(url, read_only=True)) as engine:
            async with engine.connect() as connection:
                version, encoding, standby, may_create = (await connection.execute(text(FACTS))).one()
                state = await connection.run_sync(_read_state)
            try:
                async with hold_database(engine):
                    locked = False
            except LockHeldError:
                locked = True
    revision, rows, names, schemas = state
    return TargetState(
        server_version=version,
        encoding=encoding,
        revision=revision,
        head=schema.head(),
        rows=rows,
        taken=frozenset(names),
        carried=frozenset(name for name, carried in names.items() if carried),
        schemas=schemas,
        may_create=may_create,
        standby=standby,
        locked=locked,
    )


def _read_state(connection: Connection) -> tuple[str | None, dict[str, int], dict[str, bool], frozenset[str]]:
    inspector = inspect(connection)
    ours = schema.read_tables(connection)
    rows = {name: _count(connection, name) for name in sorted(ours)}
    names = {str(name): bool(carried) for name, carried in connection.execute(text(NAMES))}
    return schema.read_revision(connection), rows, names, frozenset(inspector.get_schema_names())


def _count(connection: Connection, name: str) -> int:
    found = connection.execute(text(f"SELECT count(*) FROM {quote(name)}")).scalar()  # noqa: S608
    if found is None:
        raise TargetError(f"{name} cannot be counted", "see the log of the database")
    return int(found)
