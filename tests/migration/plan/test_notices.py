"""What is worth knowing of the old tables is said once each, and nothing of an installation that reads plainly."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from teleclaude.layout import make_layout
from teleclaude.migration.plan.notices import find_notices
from teleclaude.migration.plan.tables import ColumnPlan, TablePlan
from teleclaude.migration.report.events import Severity
from teleclaude.migration.source.installation import FileNames, SourceColumn, SourceDatabase, SourceFile, SourceTable
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.values.identifiers import MOST_COLUMNS


def with_database(inventory: Inventory, *tables: SourceTable, **values: Any) -> Inventory:
    path = Path("/home/ada/teleclaude/teleclaude.db")
    database = SourceDatabase(path, 1000, "found", path, (), values.pop("migrations", ()), tables, **values)
    return replace(inventory, database=database)


def table(name: str, *columns: str, rows: int = 1) -> SourceTable:
    return SourceTable(name, tuple(SourceColumn(column, int(not place)) for place, column in enumerate(columns)), rows)


def legacy(source: str, name: str, *columns: str) -> TablePlan:
    plans = tuple(ColumnPlan(column, f'"{column}"', ColumnType.TEXT, True, None) for column in columns)
    return TablePlan(source, None, name, plans, (), 1, legacy=True)


def test_nothing_is_said_where_nothing_was_seen(inventory: Inventory) -> None:
    assert list(find_notices(inventory, ())) == []


def test_a_table_with_less_than_its_model_names_what_it_lacks(inventory: Inventory) -> None:
    [finding] = find_notices(with_database(inventory, table("system_settings", "key")), ())
    assert finding.severity is Severity.NOTE
    assert "value" in finding.problem.message
    assert "owner_" not in finding.problem.message


def test_a_table_that_a_change_of_the_schema_left_behind_is_a_warning(inventory: Inventory) -> None:
    left = table("system_settings_new", "key", "value", "updated_at")
    [finding] = find_notices(with_database(inventory, left), ())
    assert finding.severity is Severity.WARNING
    assert "system_settings_new" in finding.problem.message


@pytest.mark.parametrize(("columns", "said"), [(("session_id", "user_role"), True), (("session_id",), False)])
def test_roles_of_an_old_release_are_said_to_be_unreliable(
    inventory: Inventory, columns: tuple[str, ...], said: bool
) -> None:
    found = find_notices(with_database(inventory, table("sessions", *columns)), ())
    assert ("sessions.human_role" in [finding.subject for finding in found]) is said


def test_owners_that_the_old_sessions_have_are_a_warning(inventory: Inventory) -> None:
    found = find_notices(with_database(inventory, table("sessions", "session_id", "Owner_uid")), ())
    (finding,) = [finding for finding in found if finding.subject == "sessions" and "owner" in finding.problem.message]
    assert finding.severity is Severity.WARNING
    assert "Owner_uid" in finding.problem.message


def test_a_table_with_more_columns_than_postgresql_holds_is_an_error(inventory: Inventory) -> None:
    names = [f"c{number}" for number in range(MOST_COLUMNS + 1)]
    [finding] = find_notices(inventory, [legacy("wide", "wide", *names)])
    assert finding.severity is Severity.ERROR
    assert list(find_notices(inventory, [legacy("wide", "wide", *names[:-1])])) == []


def test_names_that_postgresql_cannot_hold_are_said_for_tables_and_columns(inventory: Inventory) -> None:
    plan = legacy("x" * 70, "x_1", "kept")
    renamed = replace(plan, columns=(*plan.columns, ColumnPlan("c_1", '"ctid"', ColumnType.TEXT, True, None)))
    first, second = find_notices(inventory, [renamed])
    assert "x" * 70 in first.problem.message
    assert '"ctid" as c_1' in second.problem.message
    assert "kept" not in second.problem.message


@pytest.mark.parametrize(("migrations", "count"), [((), 1), (("001_add_ux_columns",), 0)])
def test_messages_to_delete_are_counted_unless_the_old_program_made_rows_of_them(
    inventory: Inventory, migrations: tuple[str, ...], count: int
) -> None:
    seen = with_database(inventory, pending_deletions=4, migrations=migrations)
    assert len([each for each in find_notices(seen, ()) if "4 messages" in each.problem.message]) == count


def test_rows_that_both_daemons_would_send_are_a_warning(inventory: Inventory) -> None:
    [finding] = find_notices(with_database(inventory, waiting=(("hook_outbox", 2),)), ())
    assert finding.severity is Severity.WARNING
    assert "2 in hook_outbox" in finding.problem.message


def test_rows_that_the_daemon_of_a_trial_leaves_are_a_note(inventory: Inventory) -> None:
    trial = replace(inventory, layout=make_layout("linux", Path("/trial"), {}))
    [finding] = find_notices(with_database(trial, waiting=(("hook_outbox", 2),)), ())
    assert finding.severity is Severity.NOTE
    assert "--deliver" in finding.problem.hint


def test_what_of_a_table_was_not_read_is_a_warning_with_its_reason(inventory: Inventory) -> None:
    computed = replace(table("calc", "a"), computed=(("b", "unknown function: myf()"),), broken_indexes=("calc_a",))
    closed = replace(table("vectors"), closed="no such module: vec0")
    found = list(find_notices(with_database(inventory, computed, closed), ()))
    assert {finding.severity for finding in found} == {Severity.WARNING}
    assert [finding.subject for finding in found] == ["calc.b", "calc", "vectors"]
    for finding, said in zip(found, ("unknown function: myf()", "the index calc_a of", "vec0"), strict=True):
        assert said in finding.problem.message


def test_other_names_of_either_database_are_warnings(inventory: Inventory) -> None:
    path = Path("/data/real.db")
    names = FileNames(links=2, unread=(Path("/home/ada/teleclaude/teleclaude.db-wal"),))
    events = SourceDatabase(path, 1000, "found", path, (SourceFile(path, ""),), (), (), names=names)
    linked, unread = find_notices(replace(inventory, events=events), ())
    assert linked.severity is unread.severity is Severity.WARNING
    assert "has 2 names" in linked.problem.message
    assert "teleclaude.db-wal lies beside a link" in unread.problem.message
