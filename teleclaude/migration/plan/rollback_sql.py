"""The SQL of a run: what empties its target, and what lists the changes since. Each proves its run first. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from teleclaude.db import schema
from teleclaude.db.models import MigrationRun, Model
from teleclaude.db.store.idle import DONE_ALONE
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.values.identifiers import EVENTS, LEGACY, ORIGIN, quote
from teleclaude.printable import seen, shows_all

_RUNS = MigrationRun.__tablename__

NOT_THIS_RUN = "nothing was changed: the database holds nothing of the migration {run}"
"""What rollback.sql says where the row of its run is not there, such as in the database of a later run."""

_ROLLBACK = """\
DO $rollback$ DECLARE legacy regclass; mine boolean := false; BEGIN
  IF to_regclass('{runs}') IS NOT NULL THEN
    SELECT count(*) > 0 INTO mine FROM {runs} WHERE run_id = {run};
  END IF;
  IF NOT mine THEN
    RAISE EXCEPTION USING MESSAGE = {refusal};
  END IF;
  -- The tables that the models do not know, by the comment that says where they come from.
  FOR legacy IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
    AND obj_description(oid, 'pg_class') LIKE '{origin}%' LOOP EXECUTE 'DROP TABLE ' || legacy; END LOOP;
  DROP TABLE {tables};
  DROP FUNCTION {functions};
  DROP SCHEMA IF EXISTS {schemas} CASCADE;
END $rollback$;
"""

_SINCE = """\
SELECT to_regclass('{runs}') IS NOT NULL AS here \\gset
\\if :here
SELECT count(*) > 0 AS here FROM {runs} WHERE run_id = {run} AND state = 'complete' \\gset
\\endif
\\if :here
\\echo 'Tables that changed since the migration; an empty list means that nothing was written.'
WITH run AS (SELECT age(xmin) FROM {runs} WHERE run_id = {run})
SELECT * FROM (
  {counts}
) AS counted ("table", "rows migrated", "rows here now", "new or changed since", "by close_idle")
WHERE "new or changed since" > 0 OR "rows here now" < "rows migrated";
\\echo 'Sessions that the daemon closed because they were idle, and that are still closed.'
SELECT target_session_id AS "session", timestamp AS "closed" FROM audit_log JOIN sessions
  ON session_id = target_session_id AND closed_at = timestamp WHERE action_type = 'close_idle' ORDER BY id;
\\else
\\echo 'The database holds no complete migration' {run}
\\endif
"""


def make_rollback(run: str) -> str:
    """Return the one statement that empties the target again, and raises an error where the run's row is not there.

    One statement is one transaction in any client. It needs to know nothing of the run but its name.
    """
    # The prechecks refuse a target that has one of these schemas, so everything in them is ours.
    return _ROLLBACK.format(
        runs=_RUNS,
        run=_text(run),
        refusal=_text(NOT_THIS_RUN.format(run=run)),
        origin=ORIGIN,
        tables=", ".join(quote(name) for name in (*Model.metadata.tables, schema.VERSION_TABLE)),
        functions=", ".join(schema.FUNCTIONS),
        schemas=f"{quote(LEGACY)}, {quote(EVENTS)}",
    )


def count_since(plan: Plan, committed: Mapping[str, int]) -> str:
    """Return the SQL that lists the tables which changed since the migration; it committed so many rows of each.

    A row that was written after the run was completed has a younger transaction in `xmin` than the run's row has
    (PostgreSQL manual, system columns). That holds until the database is restored from a dump.
    """
    known = {table.sql_name: committed[table.label] for table in plan.tables}
    tables = known | {quote(name): 0 for name in Model.metadata.tables if quote(name) not in known}
    tables.pop(quote(_RUNS))
    since = "age(xmin) < (SELECT age FROM run)"
    alone = {quote(name): f"{since} AND {condition}" for name, condition in DONE_ALONE.items()}
    counts = "\n  UNION ALL ".join(
        f"SELECT {_seen(_text(name.replace(chr(34), '')))}, {rows}, count(*), count(*) FILTER (WHERE {since}),"  # noqa: S608
        f" count(*) FILTER (WHERE {alone.get(name, 'false')}) FROM {_seen(name)}"
        for name, rows in tables.items()
    )
    return _SINCE.format(runs=_RUNS, run=_text(plan.run), counts=counts)


def _text(value: str) -> str:
    """Return a text as SQL and psql write it."""
    return "'" + value.replace("'", "''") + "'"


_QUOTED = re.compile(r"""(['"])(?:(?!\1).|\1\1)*\1""", re.DOTALL)


def _seen(quoted: str) -> str:
    """Return SQL whose quoted names and texts show every character (PostgreSQL manual, section 4.1.2.3)."""
    return _QUOTED.sub(lambda found: found[0] if shows_all(found[0]) else _escape(found[0]), quoted)


def _escape(quoted: str) -> str:
    return f"U&{seen(quoted.replace(chr(92), chr(92) * 2), chr(92) + '+{0:06X}')}"
