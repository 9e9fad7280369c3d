"""The settings and limits of role and database on the target."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import URL, Connection, text

from teleclaude.db.url import parse_options, sql_name
from teleclaude.migration.source.inventory import Setting

_NAMES = ("default_transaction_read_only", "session_replication_role", "search_path", "default_tablespace")
"""Settings that the program cannot make harmless for itself: they say where to write, or whether."""

_VALUES = "SELECT name, reset_val FROM pg_settings WHERE name = ANY(:names)"
"""The value with which the session began, whatever was set since."""

_SCOPES = """
SELECT split_part(setting, '=', 1), setrole <> 0, setdatabase <> 0
FROM pg_db_role_setting, unnest(setconfig) AS setting
WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
ORDER BY setrole <> 0, setdatabase <> 0
"""
"""The last of a name wins (PostgreSQL manual, ALTER ROLE)."""

_LIMITS = """
SELECT nullif(rolconnlimit, -1) - (SELECT count(*) FROM pg_stat_activity WHERE usesysid = role.oid
                                   AND pid <> pg_backend_pid() AND backend_type = 'client backend'),
       nullif(datconnlimit, -1) - (SELECT count(*) FROM pg_stat_activity WHERE datid = base.oid
                                   AND pid <> pg_backend_pid() AND backend_type = 'client backend')
FROM pg_roles AS role, pg_database AS base
WHERE rolname = session_user AND datname = current_database() AND NOT rolsuper
"""


def read_settings(connection: Connection, url: URL) -> Mapping[str, Setting]:
    """Return the settings that can keep the migration from working, with the place where each is set."""
    role, database = connection.execute(text("SELECT session_user::text, current_database()::text")).one()
    scopes = {
        name: _name_scope(role if of_role else "", database if in_database else "")
        for name, of_role, in_database in connection.execute(text(_SCOPES))
    }
    options = parse_options(str(url.query.get("options", "")))
    values = connection.execute(text(_VALUES), {"names": list(_NAMES)})
    return {
        name: Setting(name, value, "options" if name in options else scopes.get(name, "")) for name, value in values
    }


def _name_scope(role: str, database: str) -> str:
    """Return what ALTER changes."""
    if role:
        return f"ROLE {sql_name(role)}" + (f" IN DATABASE {sql_name(database)}" if database else "")
    return f"DATABASE {sql_name(database)}" if database else "ROLE ALL"


def read_limits(connection: Connection) -> Mapping[str, int]:
    """Return how many more sessions the limits allow beside those that there are, by what ALTER changes.

    A limit that does not exist, or does not count for the role, is left out.
    """
    role, database = connection.execute(text("SELECT session_user::text, current_database()::text")).one()
    found = connection.execute(text(_LIMITS)).first() or (None, None)
    named = (f"ROLE {sql_name(role)}", f"DATABASE {sql_name(database)}")
    return {name: int(free) for name, free in zip(named, found, strict=True) if free is not None}
