"""How old databases of every age are read as the models."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.db.models import Model
from teleclaude.migration.source.installation import SourceColumn, SourceTable
from teleclaude.migration.source.json_member import FUNCTION, read_member
from teleclaude.migration.source.old_schema import (
    RULES,
    choose_read,
    find_models,
    fold,
    has_data,
    missing_columns,
    reason_left,
)


def table(name: str, *columns: str, rows: int = 1) -> SourceTable:
    return SourceTable(name, tuple(SourceColumn(column, int(place == 0)) for place, column in enumerate(columns)), rows)


def test_every_rule_reads_a_column_that_the_models_have() -> None:
    for table, rules in RULES.items():
        assert set(rules) <= set(Model.metadata.tables[table].columns.keys())


@given(
    st.sets(
        st.sampled_from(sorted({need for ways in RULES["sessions"].values() for way in ways for need in way.needs}))
    )
)
def test_whatever_columns_an_old_table_has_a_rule_draws_only_on_them(columns: set[str]) -> None:
    for column in (column.name for column in Model.metadata.tables["sessions"].columns):
        read = choose_read("sessions", column, columns)
        assert read is None or set(read.needs) <= columns
        assert read is not None or column not in columns


SQLITE_VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(
        ['{"claude_session_id": 1}', '{"output_message_id": {"a": [1]}}', "[]", "[1]", "{", "null", "closed"]
    )
)
OLD_COLUMNS = sorted(
    {need for reads in RULES.values() for ways in reads.values() for way in ways for need in way.needs}
)


@given(st.sampled_from(sorted(RULES)), st.dictionaries(st.sampled_from(OLD_COLUMNS), SQLITE_VALUES), st.data())
def test_every_old_column_is_read_whatever_it_holds(table: str, row: dict[str, Any], data: st.DataObject) -> None:
    column = data.draw(st.sampled_from(sorted(RULES[table])))
    read = choose_read(table, column, row)
    if read is not None:
        with closing(sqlite3.connect(":memory:")) as database:
            database.create_function(FUNCTION, 2, read_member, deterministic=True)
            database.execute(f"CREATE TABLE t ({', '.join(row)})")
            database.execute(f"INSERT INTO t VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
            assert len(database.execute(f"SELECT {read.sql} FROM t").fetchall()) == 1


@given(st.text(), st.text(), st.lists(st.text()))
def test_any_name_is_looked_up(table: str, column: str, columns: list[str]) -> None:
    choose_read(table, column, columns)
    reason_left(SourceTable(table, (), 0))


def test_a_column_with_its_own_name_is_read_before_the_rules() -> None:
    read = choose_read("sessions", "active_agent", ["ACTIVE_AGENT"])
    assert read is not None
    assert (read.needs, read.sql) == (("active_agent",), '"active_agent"')


def test_of_several_ways_the_first_value_counts() -> None:
    read = choose_read("sessions", "active_agent", ["active_agent", "ux_state"])
    assert read is not None
    assert read.needs == ("active_agent", "ux_state")
    assert read.sql.startswith('coalesce("active_agent", ')


@pytest.mark.parametrize(
    ("one", "other", "same"), [("Key", "kEY", True), ("größe", "GRößE", True), ("größe", "GRÖSSE", False)]
)
def test_only_the_case_of_ascii_letters_is_ignored(one: str, other: str, same: bool) -> None:
    assert (fold(one) == fold(other)) is same


@pytest.mark.parametrize("name", ["sqlite_sequence", "sqlite_stat1", "schema_migrations"])
def test_bookkeeping_is_left_with_a_reason(name: str) -> None:
    assert reason_left(table(name, "a"))
    assert not has_data(table(name, "a"))


def test_a_table_that_is_only_named_like_a_search_index_holds_data() -> None:
    named = table("memory_fts_data", "a")
    assert reason_left(named) is None
    assert reason_left(replace(named, search_index=True))


def test_a_virtual_table_that_cannot_be_opened_is_left_and_what_the_file_holds_of_it_is_not() -> None:
    assert reason_left(replace(table("vectors"), closed="no such module: vec0"))
    assert has_data(table("vectors_chunks", "a"))


def test_a_table_without_the_key_of_its_model_is_another_programs() -> None:
    assert find_models([table("system_settings", "value")]) == {}
    assert find_models([table("System_Settings", "key", "value")]) == {"System_Settings": "system_settings"}


AUDIT = ("id", "actor_person", "action_type", "target_session_id", "timestamp")


@pytest.mark.parametrize(
    ("columns", "ours"), [(AUDIT, True), ((*AUDIT, "Detail"), True), (AUDIT[:-1], False), ((*AUDIT, "note"), False)]
)
def test_an_audit_log_is_ours_with_exactly_our_columns(columns: tuple[str, ...], ours: bool) -> None:
    assert find_models([table("audit_log", *columns)]) == ({"audit_log": "audit_log"} if ours else {})


@pytest.mark.parametrize(("rows", "counts"), [(0, "system_settings_new"), (1, "system_settings")])
def test_a_rebuilt_table_counts_where_the_one_in_its_place_is_empty(rows: int, counts: str) -> None:
    old, rebuilt = (table(f"system_settings{ending}", "key", rows=count) for ending, count in (("", rows), ("_new", 5)))
    assert find_models([old, rebuilt]) == {counts: "system_settings"}
    assert find_models([rebuilt]) == {"system_settings_new": "system_settings"}


def test_columns_that_the_old_table_lacks_are_listed_without_those_of_the_owner() -> None:
    missing = missing_columns(table("sessions", "session_id", "ux_state"), "sessions")
    assert "created_at" in missing
    assert "active_agent" not in missing
    assert not [name for name in missing if name.startswith("owner_")]
