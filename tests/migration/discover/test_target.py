"""The target is the one that was asked for, then that of the PG* variables, and always PostgreSQL."""

from pathlib import Path

import pytest
from sqlalchemy import URL

from teleclaude.db import schema
from teleclaude.errors import ConfigError
from teleclaude.migration.discover.target import choose_target, read_target
from teleclaude.migration.source.inventory import Setting, TakenName
from teleclaude.migration.source.options import Options, Recovery
from tests.support.sample import query, run


def test_without_a_target_there_is_none(tmp_path: Path) -> None:
    assert choose_target(Options(), {}) is None
    assert choose_target(Options(root=tmp_path, recovery=Recovery.UNDO), {}) is None


def test_the_target_of_the_command_line_counts_before_the_variables() -> None:
    url = choose_target(Options(target="postgresql://ada@one/t"), {"PGHOST": "two"})
    assert url is not None
    assert url.host == "one"
    url = choose_target(Options(), {"PGHOST": "two", "PGDATABASE": "t"})
    assert url is not None
    assert (url.host, url.database) == ("two", "t")


def test_another_database_system_is_refused() -> None:
    with pytest.raises(ConfigError, match="PostgreSQL"):
        choose_target(Options(target="mysql://ada@one/t"), {})


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("CREATE VIEW sessions AS SELECT 1 AS a", TakenName("view", "sessions")),
        ("CREATE SEQUENCE operations", TakenName("sequence", "operations")),
        ("CREATE TYPE mirrors AS ENUM ('a')", TakenName("type", "mirrors")),
        ("CREATE TYPE mirrors AS (a int)", TakenName("type", "mirrors")),
        ("CREATE DOMAIN mirrors AS text", TakenName("domain", "mirrors")),
        ("CREATE TABLE other (a int); CREATE INDEX sessions_pkey ON other (a)", TakenName("index", "sessions_pkey")),
        ("CREATE MATERIALIZED VIEW hook_outbox AS SELECT 1 AS a", TakenName("materialized view", "hook_outbox")),
        ("CREATE TABLE sessions (a int)", TakenName("table", "sessions")),
        (
            "CREATE FUNCTION search_fold(x text) RETURNS text LANGUAGE sql AS 'SELECT x'",
            TakenName("function", "search_fold(text)"),
        ),
        (
            "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; "
            "CREATE FOREIGN TABLE sessions (a int) SERVER s",
            TakenName("foreign table", "sessions"),
        ),
    ],
)
async def test_a_name_that_is_taken_is_found_with_its_kind(target: URL, statement: str, found: TakenName) -> None:
    for each in statement.split("; "):
        await query(target, each)
    assert (await read_target(target)).names_taken == (found,)


async def test_a_function_with_other_arguments_takes_no_name(target: URL) -> None:
    await query(target, "CREATE FUNCTION search_fold(x int) RETURNS int LANGUAGE sql AS 'SELECT x'")
    assert (await read_target(target)).names_taken == ()


async def test_our_own_schema_takes_no_name_of_ours(target: URL) -> None:
    await run(target, schema.upgrade)
    state = await read_target(target)
    assert (state.names_taken, state.unrelated, state.revision) == ((), (), schema.head())


async def test_tables_of_others_are_named_where_they_hold_rows(target: URL) -> None:
    for each in ("CREATE TABLE empty ()", 'CREATE TABLE "Full" AS SELECT 1 AS a'):
        await query(target, each)
    await query(target, "CREATE SCHEMA shop")
    await query(target, "CREATE TABLE shop.orders AS SELECT 1 AS a")
    assert (await read_target(target)).unrelated == ('"Full"', "shop.orders")


async def test_a_setting_is_found_with_the_place_where_it_wins(target: URL) -> None:
    await query(target, f"ALTER DATABASE {target.database} SET default_transaction_read_only = on")
    found = (await read_target(target)).settings["default_transaction_read_only"]
    assert found == Setting("default_transaction_read_only", "on", f"DATABASE {target.database}")


async def test_a_search_path_without_a_schema_leaves_no_place_for_tables(target: URL) -> None:
    await query(target, f"ALTER DATABASE {target.database} SET search_path = ''")
    state = await read_target(target)
    assert state.schema is None
    assert state.settings["search_path"].scope == f"DATABASE {target.database}"


async def test_another_way_to_write_strings_does_not_reach_our_sessions(target: URL) -> None:
    await query(target, f"ALTER DATABASE {target.database} SET standard_conforming_strings = off")
    await query(target, f"ALTER DATABASE {target.database} SET default_transaction_isolation = 'serializable'")
    assert await query(target, "SHOW standard_conforming_strings") == [("on",)]
    assert await query(target, "SHOW transaction_isolation") == [("read committed",)]
