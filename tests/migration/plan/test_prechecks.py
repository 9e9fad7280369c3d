"""Every reason to refuse is found from what was seen alone, without a server or a file."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from teleclaude.errors import Problem
from teleclaude.layout import make_layout
from teleclaude.migration.plan.prechecks import run_prechecks
from teleclaude.migration.report.events import CutoverItem, Finding, Severity, error
from teleclaude.migration.source.inventory import (
    Activity,
    Destinations,
    Inventory,
    Kind,
    Service,
    Setting,
    TakenName,
    TargetRun,
    TargetState,
)
from teleclaude.platform.names import Unit

SERVICE = Service(Unit("teleclaude.service", "sudo systemctl", Path("/etc/x")), "runs", running=False, at_boot=False)


def found(inventory: Inventory, *items: CutoverItem, dry_run: bool = False) -> list[tuple[Severity, str, str]]:
    return [
        (each.severity, each.problem.message, each.problem.hint)
        for each in run_prechecks(inventory, items, dry_run=dry_run)
    ]


def of_target(inventory: Inventory, **changes: Any) -> list[tuple[Severity, str, str]]:
    assert inventory.target is not None
    return found(replace(inventory, target=replace(inventory.target, **changes)))


def settings(name: str, value: str, scope: str = "") -> dict[str, Setting]:
    return {name: Setting(name, value, scope)}


@pytest.mark.parametrize(
    ("scope", "remedy"),
    [
        ("ROLE ada IN DATABASE d", "ALTER ROLE ada IN DATABASE d RESET default_transaction_read_only"),
        ("options", "take default_transaction_read_only out of options in the URL, or out of PGOPTIONS"),
        ("", 'ALTER DATABASE "D" SET default_transaction_read_only = off'),
    ],
)
def test_a_setting_is_changed_where_it_is_set(inventory: Inventory, scope: str, remedy: str) -> None:
    found = settings("default_transaction_read_only", "on", scope)
    [(_, _, hint)] = of_target(inventory, database="D", settings=found)
    assert hint == remedy


def test_a_standby_is_not_told_to_change_a_setting(inventory: Inventory) -> None:
    found = settings("default_transaction_read_only", "on")
    [(_, message, _)] = of_target(inventory, standby=True, settings=found)
    assert "standby" in message


def test_tables_of_others_and_a_limit_that_only_a_busy_daemon_meets_are_warnings(inventory: Inventory) -> None:
    for changes in ({"unrelated": ("invoices",)}, {"free_connections": {"DATABASE d": 10}}):
        [(severity, _, _)] = of_target(inventory, **changes)
        assert severity is Severity.WARNING


def test_nothing_is_refused_where_nothing_is_wrong(inventory: Inventory) -> None:
    assert found(inventory) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"server_version": 140_010}, "PostgreSQL 14"),
        ({"encoding": "LATIN1"}, "LATIN1"),
        ({"standby": True}, "standby"),
        ({"may_create": False}, "may not create schemas"),
        ({"may_create_tables": False}, "may not create tables"),
        ({"may_use_tablespace": False, "settings": settings("default_tablespace", "fast")}, "tablespace fast"),
        ({"schema": None, "settings": settings("search_path", '""')}, 'search_path is ""'),
        ({"schema": None, "settings": settings("search_path", '"$user", public')}, "has no schema public"),
        ({"settings": settings("default_transaction_read_only", "on")}, "default_transaction_read_only is on"),
        ({"settings": settings("session_replication_role", "replica")}, "session_replication_role is replica"),
        ({"free_connections": {"ROLE ada": 3}}, "the limit of ROLE ada leaves 3 connections"),
        ({"owners": {"sessions": "eve"}}, "belong to eve"),
        ({"names_taken": (TakenName("view", "sessions"),)}, "the view sessions"),
        ({"names_taken": (TakenName("function", "f()", "ext"),)}, "the function f() of the extension ext"),
        ({"held_by": "a daemon works on it"}, "a daemon works on it"),
        ({"rows": {"sessions": 3, "mirrors": 0}}, "sessions (3)"),
        ({"revision": "0000"}, "schema revision 0000"),
        ({"schemas": frozenset({"legacy", "public"})}, "schema named legacy"),
    ],
)
def test_a_target_that_cannot_take_the_rows_is_one_error_with_a_remedy(
    inventory: Inventory, changes: dict[str, Any], said: str
) -> None:
    [(severity, message, hint)] = of_target(inventory, **changes)
    assert severity is Severity.ERROR
    assert said in message
    assert hint


def test_a_server_newer_than_those_that_were_tried_is_a_warning(inventory: Inventory) -> None:
    [(severity, message, _)] = of_target(inventory, server_version=190_000)
    assert severity is Severity.WARNING
    assert "PostgreSQL 19" in message


@pytest.mark.parametrize("version", [150_000, 180_001])
def test_the_oldest_and_the_newest_server_are_taken(inventory: Inventory, version: int) -> None:
    assert of_target(inventory, server_version=version) == []


def test_tables_at_head_without_rows_count_as_empty(inventory: Inventory) -> None:
    assert of_target(inventory, rows={"sessions": 0}, revision="0001") == []


def test_a_target_with_a_run_names_the_run_and_is_not_told_to_drop_its_schemas(inventory: Inventory) -> None:
    run = TargetRun("R1", "complete", "x", "y", "z")
    schemas = frozenset({"legacy", "events"})
    [(_, message, _)] = of_target(inventory, rows={"sessions": 3}, revision="0001", runs=(run,), schemas=schemas)
    assert "the migration R1 into it is complete" in message


def test_without_a_target_a_rehearsal_goes_on_and_a_migration_does_not(inventory: Inventory) -> None:
    unnamed = replace(inventory, url=None, target=None)
    assert [severity for severity, *_ in found(unnamed)] == [Severity.ERROR]
    assert [severity for severity, *_ in found(unnamed, dry_run=True)] == [Severity.WARNING]


def test_a_target_out_of_reach_refuses_a_rehearsal_only_where_nobody_could_ever_reach_it(inventory: Inventory) -> None:
    away: list[Finding] = [error("target", Problem("it does not answer", "start it"))]
    unreached = replace(inventory, target=None, problems=tuple(away))
    assert [severity for severity, *_ in found(unreached)] == [Severity.ERROR]
    assert [severity for severity, *_ in found(unreached, dry_run=True)] == [Severity.WARNING]
    # Here what was written after --target is no URL at all.
    assert [severity for severity, *_ in found(replace(unreached, url=None), dry_run=True)] == [Severity.ERROR]


@pytest.mark.parametrize(("stops", "severity"), [(True, Severity.ERROR), (False, Severity.WARNING)])
def test_whoever_holds_the_source_is_named_with_the_remedy(
    inventory: Inventory, stops: bool, severity: Severity
) -> None:
    held = replace(inventory, activities=(Activity(Problem("7 holds it open", "kill 7"), stops),))
    assert found(held) == [(severity, "7 holds it open", "kill 7")]


def test_a_service_that_runs_is_to_be_stopped_and_one_that_only_starts_at_boot_is_a_warning(
    inventory: Inventory,
) -> None:
    running = replace(SERVICE, running=True, at_boot=True)
    [(severity, _, hint)] = found(replace(inventory, services=(running,)))
    assert (severity, hint) == (Severity.ERROR, "stop it: sudo systemctl disable --now teleclaude.service")
    [(severity, _, hint)] = found(replace(inventory, services=(replace(SERVICE, at_boot=True),)))
    assert (severity, hint) == (Severity.WARNING, "run cutover.sh after the migration: it disables the unit")
    assert found(replace(inventory, services=(SERVICE,))) == []


def test_a_unit_beside_the_old_daemon_is_only_stopped_so_that_the_rollback_knows_what_it_was(
    inventory: Inventory,
) -> None:
    path = replace(SERVICE, unit=replace(SERVICE.unit, name="teleclaude-config.path"), running=True, at_boot=True)
    [(_, _, hint)] = found(replace(inventory, services=(path,)))
    assert hint == "stop it: sudo systemctl stop teleclaude-config.path"


def test_for_a_trial_the_old_daemon_is_stopped_and_not_disabled(inventory: Inventory) -> None:
    trial = replace(inventory, layout=make_layout("linux", Path("/trial"), {}))
    [(_, _, hint)] = found(replace(trial, services=(replace(SERVICE, running=True, at_boot=True),)))
    assert hint == "stop it: sudo systemctl stop teleclaude.service"
    assert found(replace(trial, services=(replace(SERVICE, at_boot=True),))) == []


def test_an_agent_of_launchd_is_stopped_in_its_domain(inventory: Inventory) -> None:
    agent = replace(SERVICE, unit=Unit("ai.x", "launchctl", Path("/x"), "gui/501"), running=True)
    [(_, _, hint)] = found(replace(inventory, services=(agent,), platform="darwin"))
    assert hint == "stop it: launchctl bootout gui/501/ai.x"


@pytest.mark.parametrize(
    ("kind", "needed", "count"), [(Kind.CRON, True, 1), (Kind.CRON, False, 0), (Kind.SHELL, True, 0)]
)
def test_only_an_entry_of_cron_that_still_runs_is_refused(
    inventory: Inventory, kind: Kind, needed: bool, count: int
) -> None:
    item = CutoverItem(kind, "/etc/crontab", "line 3", "x", "sed", "", needed)
    assert len(found(inventory, item)) == count


def test_every_place_that_cannot_be_used_is_named(inventory: Inventory) -> None:
    places = Destinations(
        existing=frozenset({Path("/etc/teleclaude/config.yml")}),
        not_writable=(Path("/usr/local/share"),),
        unsafe_folders=(Path("/srv/open"),),
        unsafe_run_folder=Path("/srv/open-run"),
    )
    said = "\n".join(message for _, message, _ in found(replace(inventory, destinations=places)))
    for path in ("/etc/teleclaude/config.yml exists", "/usr/local/share cannot", "/srv/open", "/srv/open-run"):
        assert path in said


def test_root_is_given_a_command_that_works_for_a_name_with_a_space(inventory: Inventory) -> None:
    places = Destinations(not_writable=(Path("/my place"),), service_user_exists=True)
    [(_, _, hint)] = found(replace(inventory, is_root=True, destinations=places))
    assert "chmod u+w '/my place'" in hint


def test_only_root_without_a_root_folder_needs_the_service_user(inventory: Inventory) -> None:
    [(_, message, _)] = found(replace(inventory, is_root=True))
    assert message == "the service user does not exist"
    assert found(replace(inventory, is_root=True, layout=make_layout("linux", Path("/trial"), {}))) == []


def test_a_target_that_nobody_looked_at_refuses_nothing(inventory: Inventory) -> None:
    assert found(replace(inventory, target=None)) == []
    assert TargetState().server_version == 0
