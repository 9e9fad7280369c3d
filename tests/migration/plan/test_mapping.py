"""Which table and column goes where is decided from what SQLite says of them, and every column has a mapping."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.db.models import Model
from teleclaude.migration.plan.mapping import MappingInput, make_event_tables, make_tables, map_columns
from teleclaude.migration.plan.tables import SequencePlan, TablePlan, column_type
from teleclaude.migration.source.installation import SourceColumn, SourceTable
from teleclaude.migration.source.old_schema import NEW, find_models, missing_columns
from teleclaude.migration.values.column_types import ColumnType

GIVEN = MappingInput({"sessions": (("owner_person", "Ada"), ("owner_uid", 1000))}, frozenset(), UTC, datetime.now(UTC))


def table(name: str, *columns: str, key: int = 1, rows: int = 1, next_id: int | None = None) -> SourceTable:
    """Return an old table whose first columns are its primary key."""
    found = tuple(SourceColumn(column, place if place <= key else 0) for place, column in enumerate(columns, 1))
    return SourceTable(name, found, rows, next_id)


def plans(*tables: SourceTable, given: MappingInput = GIVEN) -> dict[str, TablePlan]:
    return {plan.label: plan for plan in make_tables(tables, given)}


SETTINGS = table("system_settings", "key", "value", "updated_at")


def test_a_table_of_the_models_goes_to_its_own_name_with_all_its_columns() -> None:
    (plan,) = plans(SETTINGS).values()
    assert (plan.label, plan.key, plan.legacy, plan.unique_key) == ("system_settings", ("key",), False, True)
    assert [column.name for column in plan.columns] == ["key", "value", "updated_at"]
    assert [column.type for column in plan.columns] == [ColumnType.TEXT, ColumnType.TEXT, ColumnType.INSTANT]


def test_parents_are_planned_before_children() -> None:
    order = [each.name for each in Model.metadata.sorted_tables if each.name not in NEW]
    everything = [
        table(name, *Model.metadata.tables[name].columns.keys(), key=len(Model.metadata.tables[name].primary_key))
        for name in reversed(order)
    ]
    assert [plan.name for plan in make_tables(tuple(everything), GIVEN) if not plan.legacy] == order


def test_a_column_that_the_model_does_not_know_goes_to_legacy_with_the_key() -> None:
    planned = plans(table("system_settings", "key", "value", "updated_at", "more"))
    beside = planned["legacy.system_settings"]
    assert beside.legacy
    assert [column.name for column in beside.columns] == ["key", "more"]
    assert beside.key == ("key",)


def test_a_column_that_the_old_table_lacks_is_left_to_its_default() -> None:
    source = table("system_settings", "key", "value")
    assert [column.name for column in plans(source)["system_settings"].columns] == ["key", "value"]
    assert missing_columns(source, "system_settings") == ("updated_at",)


def test_sessions_get_their_owner_as_constants() -> None:
    plan = plans(table("sessions", "session_id", "computer_name"))["sessions"]
    assert dict(plan.constants) == {"owner_person": "Ada", "owner_uid": 1000}
    assert not [column.name for column in plan.columns if column.name.startswith("owner_")]


def test_a_numbered_table_goes_on_where_sqlite_would_have() -> None:
    names = tuple(Model.metadata.tables["hook_outbox"].columns.keys())
    assert plans(table("hook_outbox", *names, next_id=7))["hook_outbox"].sequence == SequencePlan("id", 7)


def test_a_key_that_sqlite_did_not_guard_is_known_to_be_unguarded() -> None:
    assert not plans(table("system_settings", "key", "value", "updated_at", key=0))["system_settings"].unique_key


def test_a_table_without_the_key_of_its_model_goes_to_legacy_whole() -> None:
    (plan,) = plans(table("system_settings", "name", "value")).values()
    assert plan.legacy
    assert plan.label == "legacy.system_settings"


@pytest.mark.parametrize("name", ["schema_migrations", "sqlite_sequence"])
def test_bookkeeping_is_not_moved_and_its_columns_are_said_to_be_left(name: str) -> None:
    source = table(name, "a")
    assert plans(source) == {}
    assert [mapping.mapping for mapping in map_columns((source,), ())] == ["left"]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_rebuilt_table_counts_only_where_the_one_in_its_place_has_no_rows(rows: int) -> None:
    old = table("system_settings", "key", "value", "updated_at", rows=rows)
    new = table("system_settings_new", "key", "value", "updated_at", rows=5)
    models = find_models((old, new))
    assert models == {("system_settings" if rows else "system_settings_new"): "system_settings"}


def test_a_name_that_is_taken_on_the_target_goes_to_the_schema_legacy() -> None:
    given = MappingInput({}, frozenset({"mine"}), UTC, datetime.now(UTC))
    assert set(plans(table("mine", "id"), table("theirs", "id"), given=given)) == {"legacy.mine", "theirs"}
    assert set(plans(table("pg_own", "id"), table("audit_log", "id"))) == {"legacy.pg_own", "legacy.audit_log"}


def test_the_key_of_an_unknown_table_is_none_where_it_holds_null() -> None:
    column = SourceColumn("id", 1, frozenset({"null", "text"}))
    assert plans(SourceTable("mine", (column,), 1))["mine"].key == ()
    assert plans(table("mine", "id"))["mine"].key == ("id",)


@pytest.mark.parametrize(
    ("storage", "kind"),
    [
        ({"integer"}, ColumnType.INTEGER),
        ({"real", "null"}, ColumnType.REAL),
        ({"blob"}, ColumnType.BYTES),
        ({"integer", "text"}, ColumnType.TEXT),
        (set(), ColumnType.TEXT),
    ],
)
def test_a_column_of_an_unknown_table_has_the_type_that_holds_all_its_values(
    storage: set[str], kind: ColumnType
) -> None:
    (plan,) = plans(SourceTable("mine", (SourceColumn("a", 0, frozenset(storage)),), 1)).values()
    assert [column.type for column in plan.columns] == [kind]


def test_tables_of_events_go_to_a_schema_of_their_own_even_under_names_of_ours() -> None:
    (plan,) = make_event_tables((table("sessions", "id"),))
    assert (plan.label, plan.from_events, plan.legacy) == ("events.sessions", True, True)


def test_every_column_of_the_models_has_a_type_that_the_migration_knows() -> None:
    for model in Model.metadata.tables.values():
        for column in model.columns:
            assert column_type(column) in ColumnType


def test_each_column_has_the_mapping_that_its_reading_gives_it() -> None:
    source = table("sessions", "session_id", "computer_name", "ux_state", "more")
    mappings = {mapping.column: mapping for mapping in map_columns((source,), make_tables((source,), GIVEN))}
    # The key is beside the legacy columns as well.
    assert (mappings["session_id"].mapping, mappings["session_id"].to) == ("mapped", "sessions.session_id")
    assert (mappings["more"].mapping, mappings["more"].to) == ("legacy", "legacy.sessions.more")
    assert mappings["ux_state"].mapping == "consumed"
    assert "sessions.active_agent" in mappings["ux_state"].to
    assert mappings["ux_state"].to.endswith(", legacy.sessions.ux_state")


NAMES = st.sampled_from(
    ["sessions", "system_settings", "hook_outbox", "mine", "audit_log", "x" * 80, "pg_x", "Sessions"]
)
COLUMNS = st.lists(
    st.sampled_from(["session_id", "key", "id", "ux_state", "closed", "ctid", "y" * 70]), min_size=1, unique=True
)


@given(st.lists(st.tuples(NAMES, COLUMNS), unique_by=lambda each: each[0].lower()))
def test_no_column_of_any_old_table_is_without_a_mapping_or_lost(old: list[tuple[str, list[str]]]) -> None:
    tables = tuple(table(name, *columns) for name, columns in old)
    made = make_tables(tables, GIVEN)
    mappings = map_columns(tables, made)
    assert [(mapping.table, mapping.column) for mapping in mappings] == [
        (name, each) for name, columns in old for each in columns
    ]
    assert {mapping.mapping for mapping in mappings} <= {"mapped", "consumed", "legacy"}
    places = [(plan.sql_name, column.name) for plan in made for column in plan.columns]
    assert len(set(places)) == len(places)
    known = {f"{plan.label}.{column.name}" for plan in made for column in plan.columns}
    assert {place for mapping in mappings for place in mapping.to.split(", ")} <= known


def test_a_column_that_cannot_be_computed_is_left_with_its_reason() -> None:
    source = replace(table("calc", "a"), computed=(("b", "unknown function: myf()"),))
    left, moved = map_columns((source,), tuple(plans(source).values()))
    assert (left.column, left.mapping, left.to) == ("b", "left", "computed; unknown function: myf()")
    assert (moved.column, moved.mapping) == ("a", "legacy")


def test_a_key_that_a_broken_index_kept_may_repeat() -> None:
    source = replace(table("system_settings", "key", "value", "updated_at"), unique=False)
    assert not plans(source)["system_settings"].unique_key
