import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, inspect

from teleclaude.db import schema
from teleclaude.db.models import Model
from teleclaude.db.url import parse_url
from tests.support.sample import run

SECOND = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.create_table("later", sa.Column("n", sa.BigInteger()))
"""


def differences(connection: Connection) -> list[Any]:
    def is_compared(_found: Any, name: str | None, kind: str, *_: Any) -> bool:
        # Indexes of the search are over functions, which models cannot say.
        return not (kind == "index" and name in schema.INDEXES)

    options = {"compare_server_default": True, "include_object": is_compared}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, Model.metadata))


def definitions(connection: Connection) -> set[tuple[str, ...]]:
    """Return every constraint and index as PostgreSQL writes it."""
    constraints = connection.exec_driver_sql(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
    )
    indexes = connection.exec_driver_sql(
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    )
    return {tuple(row) for row in (*constraints, *indexes)}


def empty(connection: Connection) -> None:
    """Drop everything in the database."""
    connection.exec_driver_sql("DROP SCHEMA public CASCADE")
    connection.exec_driver_sql("CREATE SCHEMA public")


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    assert ScriptDirectory(str(Path(schema.__file__).parent)).get_current_head() == schema.head()


async def test_the_revision_builds_what_the_models_say(target: URL) -> None:
    assert await run(target, schema.upgrade, differences) == []


async def test_two_steps_build_what_one_upgrade_builds(target: URL) -> None:
    in_one = await run(target, schema.upgrade, definitions)
    await run(target, empty)
    assert await run(target, schema.create_pre_data, schema.create_post_data, definitions) == in_one


async def test_the_first_step_leaves_the_tables_bare(target: URL) -> None:
    bare = {row for row in await run(target, schema.create_pre_data, definitions) if row[0] != schema.VERSION_TABLE}
    assert bare == set()


async def test_post_data_that_was_dropped_is_made_again_as_it_was(target: URL) -> None:
    before = await run(target, schema.upgrade, definitions)
    assert await run(target, schema.drop_post_data, definitions) != before
    assert await run(target, schema.create_post_data, definitions) == before


async def test_named_constraints_and_indexes_are_left_out_or_not_valid(target: URL) -> None:
    def create_some(connection: Connection) -> None:
        not_valid = frozenset({"session_tokens_session_id_fkey"})
        schema.create_post_data(connection, not_valid, frozenset({"operations_state_check", "idx_mirrors_search"}))

    complete = await run(target, schema.upgrade, definitions)
    await run(target, empty)
    found = await run(target, schema.create_pre_data, create_some, definitions)
    missing = {row[1] for row in complete - found}
    assert missing == {"session_tokens_session_id_fkey", "operations_state_check", "idx_mirrors_search"}
    ((_, name, definition),) = found - complete
    assert (name, definition.endswith(" NOT VALID")) == ("session_tokens_session_id_fkey", True)


async def test_the_functions_can_be_dropped_by_their_names(target: URL) -> None:
    def drop(connection: Connection) -> None:
        connection.exec_driver_sql(f"DROP TABLE {', '.join(Model.metadata.tables)}")
        connection.exec_driver_sql(f"DROP FUNCTION {', '.join(schema.FUNCTIONS)}")

    statement = "SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    assert await run(target, schema.upgrade, drop, lambda c: c.exec_driver_sql(statement).scalar()) == 0


def test_the_sqlite_file_says_what_the_models_say(tmp_path: Path) -> None:
    def shape(connection: sqlite3.Connection) -> dict[str, Any]:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        ours = sorted(name for (name,) in names if name in Model.metadata.tables)
        # The order of columns may differ; names, types, defaults and keys may not.
        return {
            name: set(
                connection.execute('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', (name,))
            )
            for name in ours
        }

    made, said = (create_engine(f"sqlite:///{tmp_path / name}") for name in ("revision.db", "models.db"))
    with made.begin() as connection:
        schema.upgrade(connection)
    Model.metadata.create_all(said)
    with (
        closing(sqlite3.connect(tmp_path / "revision.db")) as one,
        closing(sqlite3.connect(tmp_path / "models.db")) as other,
    ):
        assert shape(one) == shape(other) != {}
    made.dispose()
    said.dispose()


async def test_sqlite_has_the_same_tables_columns_and_constraints(tmp_path: Path, target: URL) -> None:
    def shape(connection: Connection) -> dict[str, Any]:
        inspector = inspect(connection)
        return {
            table: (
                {column["name"]: column["nullable"] for column in inspector.get_columns(table)},
                inspector.get_pk_constraint(table)["constrained_columns"],
                {key["name"]: key["referred_table"] for key in inspector.get_foreign_keys(table)},
                {check["name"] for check in inspector.get_check_constraints(table)},
                {tuple(unique["column_names"]) for unique in inspector.get_unique_constraints(table)},
                {index["name"] for index in inspector.get_indexes(table) if not index.get("duplicates_constraint")}
                - set(schema.INDEXES),
            )
            for table in inspector.get_table_names()
            if "_fts" not in table
        }

    on_sqlite = await run(parse_url(f"sqlite:///{tmp_path / 'x.db'}"), schema.upgrade, shape)
    assert on_sqlite == await run(target, schema.upgrade, shape)


@pytest.mark.parametrize(
    ("table", "column", "kind"),
    [
        ("sessions", "created_at", "timestamp with time zone"),
        ("sessions", "session_metadata", "jsonb"),
        ("sessions", "initiated_by_ai", "boolean"),
        ("sessions", "owner_uid", "bigint"),
        ("mirror_tombstones", "file_mtime", "text"),
        ("hook_outbox", "id", "bigint"),
    ],
)
async def test_columns_have_native_types(target: URL, table: str, column: str, kind: str) -> None:
    statement = (
        f"SELECT data_type FROM information_schema.columns WHERE table_name = '{table}' AND column_name = '{column}'"
    )
    found = await run(target, schema.upgrade, lambda connection: connection.exec_driver_sql(statement).scalar())
    assert found == kind


async def test_text_keys_are_compared_byte_by_byte(target: URL) -> None:
    statement = "SELECT collation_name FROM information_schema.columns WHERE table_name = $1 AND column_name = $2"

    def collation(connection: Connection) -> Any:
        return connection.exec_driver_sql(statement, ("sessions", "session_id")).scalar()

    assert await run(target, schema.upgrade, collation) == "C"


async def test_no_revision_is_noted_before_it_was_run(
    target: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r0002.py").write_text(SECOND)
    monkeypatch.setattr(schema, "VERSIONS", [*schema.VERSIONS, tmp_path])
    assert await run(target, schema.create_pre_data, schema.read_revision) == "0001"
    assert await run(target, schema.create_post_data, schema.read_revision) == "0002"
    assert "later" in await run(target, lambda connection: inspect(connection).get_table_names())
