"""The schema of the database and its revisions.

Every function takes a synchronous connection, as `AsyncConnection.run_sync` hands it, and works within the
transaction that the caller has begun.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, inspect

from teleclaude.db.models import Model
from teleclaude.db.schema.versions import r0001_first as first

VERSION_TABLE = "alembic_version"

VERSIONS = [Path(__file__).parent / "versions"]
"""Where the revisions are."""

FUNCTIONS = first.FUNCTIONS
"""Every function of the schema, as PostgreSQL names it to drop it."""

INDEXES = first.SEARCH_INDEXES
"""The indexes of the schema that no model has: those of the search."""

RELATIONS = (*first.INDEXES, f"{VERSION_TABLE}_pkc")
"""Every index of the schema, those of keys included; they share their names with tables."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(str, VERSIONS)).replace("%", "%%"))
    return config


def head() -> str:
    """Return the newest revision."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def find_way(revision: str) -> tuple[str, ...] | None:
    """Return the revisions after `revision`, up to the newest; None where this program does not know `revision`."""
    try:
        walked = list(ScriptDirectory.from_config(_config()).iterate_revisions("head", revision))
    except (CommandError, RevisionError):
        return None
    return tuple(script.revision for script in reversed(walked))


def read_revision(connection: Connection) -> str | None:
    """Return the revision that the database is at, None where it has none."""
    return MigrationContext.configure(connection).get_current_revision()


def read_tables(connection: Connection) -> frozenset[str]:
    """Return the names of our tables that the database has."""
    return frozenset(inspect(connection).get_table_names()) & frozenset(Model.metadata.tables)


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest revision, from nothing or from an older one."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def create_pre_data(connection: Connection) -> None:
    """Create the bare tables of the first revision on PostgreSQL, and note that the database is at it."""
    context = MigrationContext.configure(connection)
    with Operations.context(context):
        first.create_pre_data()
    context.stamp(ScriptDirectory.from_config(_config()), first.revision)


def create_post_data(
    connection: Connection, not_valid: frozenset[str] = frozenset(), left_out: frozenset[str] = frozenset()
) -> None:
    """Add keys, constraints and indexes to loaded tables; those named are added NOT VALID, or left out.

    Then bring the schema to the newest revision.
    """
    with Operations.context(MigrationContext.configure(connection)):
        first.create_post_data(not_valid, left_out)
    upgrade(connection)


def drop_post_data(connection: Connection) -> None:
    """Drop keys, constraints and indexes, so that rows can be loaded fast."""
    with Operations.context(MigrationContext.configure(connection)):
        first.drop_post_data()
