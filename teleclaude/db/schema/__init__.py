"""The schema of the database and its revisions.

Every function takes a synchronous connection, as `AsyncConnection.run_sync` hands it, and works within the
transaction that the caller has begun.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, inspect

from teleclaude.db.models import Model
from teleclaude.db.schema import audit_0001, search_0001
from teleclaude.db.schema.search_0001 import BEYOND, INDEXES, LONGEST_LEXEME

VERSION_TABLE = "alembic_version"

_FIRST = "0001"
"""The revision that is built in two steps, so that a load can come between them."""

VERSIONS = [Path(__file__).parent / "versions"]
"""Where the revisions lie."""

FUNCTIONS = (*search_0001.FUNCTIONS, *audit_0001.FUNCTIONS)
"""Every function of the schema, as PostgreSQL names it to drop it."""

__all__ = ["BEYOND", "FUNCTIONS", "INDEXES", "LONGEST_LEXEME", "VERSION_TABLE"]


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
    """Return the revisions from the one after `revision` to the newest; None where this program knows no way."""
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


@contextmanager
def _first_revision(connection: Connection) -> Iterator[Any]:
    script = ScriptDirectory.from_config(_config()).get_revision(_FIRST)
    assert script is not None
    with Operations.context(MigrationContext.configure(connection)):
        yield script.module


def create_pre_data(connection: Connection) -> None:
    """Create the bare tables of the first revision, and say that the database is at it."""
    with _first_revision(connection) as revision:
        revision.create_pre_data()
    MigrationContext.configure(connection).stamp(ScriptDirectory.from_config(_config()), _FIRST)


def create_post_data(
    connection: Connection, not_valid: frozenset[str] = frozenset(), left_out: frozenset[str] = frozenset()
) -> None:
    """Add keys, constraints and indexes to loaded tables; those named are added NOT VALID, or left out.

    Then bring the tables to the newest revision.
    """
    with _first_revision(connection) as revision:
        revision.create_post_data(not_valid, left_out)
    upgrade(connection)


def drop_post_data(connection: Connection) -> None:
    """Drop keys, constraints and indexes, so that rows can be loaded fast."""
    with _first_revision(connection) as revision:
        revision.drop_post_data()


def drop(connection: Connection) -> None:
    """Remove the schema, everything in it, and its revision."""
    with _first_revision(connection) as revision:
        revision.downgrade()
        revision.op.drop_table(VERSION_TABLE)
