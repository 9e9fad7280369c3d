"""What the target holds beside our tables: names that ours need, and tables of others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from teleclaude.db import schema
from teleclaude.db.models import Model
from teleclaude.migration.source.inventory import TakenName
from teleclaude.migration.values.identifiers import ORIGIN

_HERE = "to_regnamespace(quote_ident(current_schema()))"

_SAME_NAME = f"""
WITH found AS (
    SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
           WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence'
           WHEN 'c' THEN 'type' ELSE 'index' END AS kind, relname::text AS name, tableoid AS class, oid AS object
    FROM pg_class WHERE relnamespace = {_HERE} AND relname = ANY(:relations)
    UNION ALL
    SELECT CASE typtype WHEN 'd' THEN 'domain' ELSE 'type' END, typname::text, tableoid, oid
    FROM pg_type WHERE typnamespace = {_HERE} AND typname = ANY(:tables) AND typrelid = 0 AND typelem = 0
    UNION ALL
    SELECT 'function', signature, 'pg_proc'::regclass,
           to_regprocedure(quote_ident(current_schema()) || '.' || signature)
    FROM unnest(CAST(:functions AS text[])) AS signature
)
SELECT kind, name, coalesce(extname, '') FROM found
LEFT JOIN pg_depend ON classid = class AND objid = object AND deptype = 'e' AND refclassid = 'pg_extension'::regclass
LEFT JOIN pg_extension AS extension ON extension.oid = refobjid
WHERE object IS NOT NULL ORDER BY kind, name
"""  # noqa: S608
"""Relations have their names in common, and a table has a type of its name (PostgreSQL manual, CREATE TABLE)."""

_OWNERS = f"""
SELECT relname::text, pg_get_userbyid(relowner)::text FROM pg_class
WHERE relnamespace = {_HERE} AND relname = ANY(:relations) AND relkind = 'r' AND NOT pg_has_role(relowner, 'USAGE')
"""  # noqa: S608

_OTHERS = f"""
SELECT quote_ident(nspname) || '.' || quote_ident(relname),
       has_schema_privilege(space.oid, 'USAGE') AND has_table_privilege(relation.oid, 'SELECT'),
       greatest(reltuples, pg_stat_get_live_tuples(relation.oid)) > 0
FROM pg_class AS relation JOIN pg_namespace AS space ON space.oid = relnamespace
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relpersistence <> 't'
  AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'
  AND NOT (nspname IS NOT DISTINCT FROM current_schema() AND relname = ANY(:ours))
  AND coalesce(obj_description(relation.oid, 'pg_class'), '') NOT LIKE '{ORIGIN}%'
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = relation.tableoid AND objid = relation.oid AND deptype = 'e')
ORDER BY 1
"""  # noqa: S608

_MOST_LOOKS = 200
"""In how many tables of others rows are looked for; of further ones the statistics of the server are believed."""


def find_same_names(connection: Connection) -> tuple[TakenName, ...]:
    """Return every object whose name an object of our schema needs, ours included where the schema exists."""
    tables = [*Model.metadata.tables, schema.VERSION_TABLE]
    given = {
        "tables": tables,
        "relations": [*tables, *schema.RELATIONS],
        "functions": [_drop_argument_names(function) for function in schema.FUNCTIONS],
    }
    return tuple(TakenName(*row) for row in connection.execute(text(_SAME_NAME), given))


def _drop_argument_names(function: str) -> str:
    """Return `f(text, jsonb)` for `f(content text, document jsonb)`."""
    return re.sub(r"\w+ (\w+)", r"\1", function)


def find_owners(connection: Connection) -> Mapping[str, str]:
    """Return the owner of each table of ours that belongs to a role whose rights our role does not have."""
    tables = [*Model.metadata.tables, schema.VERSION_TABLE]
    return {name: owner for name, owner in connection.execute(text(_OWNERS), {"relations": tables})}


def find_unrelated(connection: Connection) -> Iterator[str]:
    """Yield the tables of others that hold rows, as far as our role can know."""
    ours = [*Model.metadata.tables, schema.VERSION_TABLE]
    found = connection.execute(text(_OTHERS), {"ours": ours}).all()
    for number, (name, readable, has_live_rows) in enumerate(found):
        if has_live_rows or (readable and number < _MOST_LOOKS and _has_rows(connection, name)):
            yield name.removeprefix("public.")


def _has_rows(connection: Connection, name: str) -> bool:
    """Whether a table holds rows; one that cannot be looked at at once counts as empty."""
    try:
        with connection.begin_nested():
            connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
            return bool(connection.scalar(text(f"SELECT EXISTS (SELECT FROM {name.replace(':', chr(92) + ':')})")))  # noqa: S608
    except DBAPIError:
        return False
