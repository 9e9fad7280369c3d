"""The first schema, as SQL beside this module."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from teleclaude.db.unicode61 import FOLDED, MARKS, SEPARATORS, UNFOLDED

revision = "0001"
down_revision = None

_CHARACTERS = {"{UNFOLDED}": UNFOLDED, "{FOLDED}": FOLDED, "{MARKS}": MARKS, "{SEPARATORS}": SEPARATORS}


def _read_statements(part: str) -> list[str]:
    """Return the statements of a file, `pre_data`, `post_data` or `sqlite`: each begins at the margin, without `;`.

    They are for the driver: SQLAlchemy would take a colon in a pattern for a parameter.
    """
    text = Path(__file__).with_name(f"{revision}_{part}.sql").read_text(encoding="utf-8")
    for name, characters in _CHARACTERS.items():
        text = text.replace(name, characters)
    bare = re.sub(r"^(--.*)?\n", "", text, flags=re.MULTILINE)
    return re.split(r";\n(?! )", bare.removesuffix(";\n"))


FUNCTIONS = tuple(
    statement.removeprefix("CREATE FUNCTION ").partition(" RETURNS")[0]
    for statement in _read_statements("pre_data")
    if statement.startswith("CREATE FUNCTION ")
)
"""Every function, as PostgreSQL names it to drop it."""

SEARCH_INDEXES = tuple(
    re.findall(r"^CREATE INDEX (\w+) .* USING gin", "\n".join(_read_statements("post_data")), re.MULTILINE)
)
"""The indexes over functions, which models cannot say."""


INDEXES = tuple(
    re.findall(
        r"^(?:ALTER TABLE \w+ ADD CONSTRAINT (?=\w+ (?:PRIMARY|UNIQUE))|CREATE (?:UNIQUE )?INDEX )(\w+)",
        "\n".join(_read_statements("post_data")),
        re.MULTILINE,
    )
)
"""Every index, those of primary and unique keys included."""


def create_pre_data(connection: Connection) -> None:
    """Create bare tables, functions and triggers on PostgreSQL."""
    _run(connection, _read_statements("pre_data"))


def create_post_data(
    connection: Connection, not_valid: frozenset[str] = frozenset(), left_out: frozenset[str] = frozenset()
) -> None:
    """Add keys, constraints and indexes on PostgreSQL; those named are added NOT VALID, or left out."""
    named = [(_find_names(statement)[1], statement) for statement in _read_statements("post_data")]
    wanted = [(name, statement) for name, statement in named if name not in left_out]
    _run(connection, [f"{statement} NOT VALID" if name in not_valid else statement for name, statement in wanted])


def drop_post_data(connection: Connection) -> None:
    """Drop what `create_post_data` added, in reverse order: foreign keys need keys."""
    dropped = []
    for statement in reversed(_read_statements("post_data")):
        table, name = _find_names(statement)
        what = f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS" if table else "DROP INDEX IF EXISTS"
        dropped.append(f"{what} {name}")
    _run(connection, dropped)


def _find_names(statement: str) -> tuple[str | None, str]:
    """Return the name of what a statement of post-data creates, and before it the table where it is a constraint."""
    found = re.match(r"(?:ALTER TABLE (\w+) ADD CONSTRAINT|CREATE (?:UNIQUE )?INDEX) (\w+)", statement)
    assert found is not None, statement
    return found[1], found[2]


def _run(connection: Connection, statements: list[str]) -> None:
    """Run statements on PostgreSQL as one, which spares a hundred answers of the server."""
    connection.exec_driver_sql("DO $together$ BEGIN\n{};\nEND $together$".format(";\n".join(statements)))


def upgrade() -> None:
    """Create the schema; a SQLite without FTS5 has no index of words, as the single-user program did without."""
    from alembic import op  # noqa: PLC0415 - here it is there already: Alembic runs this

    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        create_pre_data(connection)
        create_post_data(connection)
        return
    try:
        for statement in _read_statements("sqlite"):
            connection.exec_driver_sql(statement)
    except OperationalError as error:
        if "no such module" not in str(error.orig):
            raise
