"""The plan is made from what was asked and seen alone; what cannot be decided is one of its findings."""

from dataclasses import replace
from pathlib import Path

import pytest

from teleclaude.migration.plan.plan import describe, make_plan
from teleclaude.migration.source.installation import Person
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options

TARGET = "postgresql://ada:hidden@db.example.com/telec"


def errors(inventory: Inventory, options: Options) -> list[str]:
    return [
        finding.problem.message for finding in make_plan(options, inventory).findings if finding.severity == "error"
    ]


def test_a_zone_that_does_not_exist_refuses_the_run_and_is_named(inventory: Inventory) -> None:
    assert errors(inventory, Options(target=TARGET, timezone="Mars/Olympus")) == [
        "there is no time zone 'Mars/Olympus'"
    ]


@pytest.mark.parametrize(
    ("asked", "configured", "zone"),
    [("Asia/Tokyo", "Europe/Berlin", "Asia/Tokyo"), (None, "Europe/Berlin", "Europe/Berlin"), (None, None, "UTC")],
)
def test_the_zone_is_the_one_that_was_asked_for_then_the_configured_one_then_utc(
    inventory: Inventory, asked: str | None, configured: str | None, zone: str
) -> None:
    plan = make_plan(Options(target=TARGET, timezone=asked), replace(inventory, timezone=configured))
    assert plan.timezone == zone
    said = [finding for finding in plan.findings if "read as UTC" in finding.problem.message]
    assert bool(said) is (asked is configured is None)


def test_an_owner_that_is_not_clear_refuses_the_run_and_leaves_no_owner(inventory: Inventory) -> None:
    seen = replace(inventory, people=(Person("Ada", None), Person("Bob", None)), account_names={})
    plan = make_plan(Options(target=TARGET), seen)
    assert plan.owner is None
    assert plan.refused


def test_the_owner_becomes_the_first_person_only_where_people_lists_nobody(inventory: Inventory) -> None:
    assert make_plan(Options(target=TARGET), inventory).first_person is None
    nobody = make_plan(Options(target=TARGET, person="Zoe"), replace(inventory, people=()))
    assert nobody.first_person == Person("Zoe", "ada")


def test_a_rehearsal_keeps_its_folder_only_where_a_report_dir_is_named(inventory: Inventory) -> None:
    rehearsal = Options(target=TARGET, dry_run=True)
    assert not describe(make_plan(rehearsal, inventory))["folder_kept"]
    named = replace(rehearsal, report_dir=Path("/reports"))
    assert make_plan(named, inventory).folder == Path("/reports") / inventory.run
    assert describe(make_plan(named, inventory))["folder_kept"]


def test_what_the_report_says_of_the_plan_holds_no_password(inventory: Inventory) -> None:
    said = describe(make_plan(Options(target=TARGET), inventory))
    assert "db.example.com" in said["target"]["url"]
    assert "hidden" not in str(said)


def test_the_file_that_has_the_password_is_a_part_of_the_target(inventory: Inventory) -> None:
    plan = make_plan(Options(target=TARGET), replace(inventory, password_from={"passfile": "/my pgpass"}))
    assert plan.target is not None
    assert plan.target.endswith("?passfile=/my%20pgpass")
