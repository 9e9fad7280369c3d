"""The schema of the database and its revisions.

Every function takes a synchronous connection, as `AsyncConnection.run_sync` hands it, and works within the
transaction that the caller has begun. Alembic runs the revisions, and is imported only where one is run.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, inspect

from teleclaude.db.models import Model
from teleclaude.db.schema.versions import r0001_first as first

VERSION_TABLE = "alembic_version"

VERSIONS = [Path(__file__).parent / "versions"]
"""Where the revisions are. They are numbered; each follows the number before."""

FUNCTIONS = first.FUNCTIONS
"""Every function of the schema, as PostgreSQL names it to drop it."""

INDEXES = first.SEARCH_INDEXES
"""The indexes of the schema that no model has: those of the search."""

RELATIONS = (*first.INDEXES, f"{VERSION_TABLE}_pkc")
"""Every index of the schema, those of keys included; they share their names with tables."""

_NUMBER = re.compile(r'^revision\b[^=\n]*= "(\w+)"', re.MULTILINE)


def _read_revisions() -> list[str]:
    """Return every revision, the oldest first."""
    texts = [path.read_text(encoding="utf-8") for folder in VERSIONS for path in folder.glob("r*.py")]
    return sorted(number for text in texts for number in _NUMBER.findall(text))


def head() -> str:
    """Return the newest revision."""
    return _read_revisions()[-1]


def find_way(revision: str) -> tuple[str, ...] | None:
    """Return the revisions after `revision`, up to the newest; None where this program does not know `revision`."""
    known = _read_revisions()
    return tuple(known[known.index(revision) + 1 :]) if revision in known else None


def read_revision(connection: Connection) -> str | None:
    """Return the revision that the database is at, None where it has none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    statement = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - a name of ours
    return connection.exec_driver_sql(statement).scalar_one_or_none()


def read_tables(connection: Connection) -> frozenset[str]:
    """Return the names of our tables that the database has."""
    return frozenset(inspect(connection).get_table_names()) & frozenset(Model.metadata.tables)


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest revision, from nothing or from an older one."""
    from alembic import command  # noqa: PLC0415 - takes longer than what most processes do with the database
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, VERSIONS)).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def create_pre_data(connection: Connection) -> None:
    """Create the bare tables of the first revision on PostgreSQL, and note that the database is at it."""
    first.create_pre_data(connection)
    connection.exec_driver_sql(
        f"CREATE TABLE {VERSION_TABLE}"
        f" (version_num VARCHAR(32) NOT NULL, CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
    )
    connection.exec_driver_sql(f"INSERT INTO {VERSION_TABLE} VALUES ('{first.revision}')")  # noqa: S608 - ours


def create_post_data(
    connection: Connection, not_valid: frozenset[str] = frozenset(), left_out: frozenset[str] = frozenset()
) -> None:
    """Add keys, constraints and indexes to loaded tables; those named are added NOT VALID, or left out.

    Then bring the schema to the newest revision.
    """
    first.create_post_data(connection, not_valid, left_out)
    if read_revision(connection) != head():
        upgrade(connection)


def drop_post_data(connection: Connection) -> None:
    """Drop keys, constraints and indexes, so that rows can be loaded fast."""
    first.drop_post_data(connection)
