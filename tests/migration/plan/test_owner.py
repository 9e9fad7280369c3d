"""To whom the sessions belong is decided from what was asked and seen, and is never root by accident."""

from dataclasses import replace

import pytest

from teleclaude.migration.plan.owner import Owner, choose_owner
from teleclaude.migration.report.events import Finding
from teleclaude.migration.source.installation import Person
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options

EVA, BOB = Person("Eva", "eva"), Person("Bob", None)


def chosen(options: Options, inventory: Inventory) -> tuple[str, int]:
    owner = choose_owner(options, inventory)
    assert isinstance(owner, Owner), owner
    return owner.person, owner.uid


def refused(options: Options, inventory: Inventory) -> str:
    finding = choose_owner(options, inventory)
    assert isinstance(finding, Finding), finding
    assert finding.problem.hint
    return finding.problem.message


def test_the_only_person_owns_the_sessions_with_the_uid_of_the_database_file(inventory: Inventory) -> None:
    assert chosen(Options(), inventory) == ("Ada", 1000)


def test_the_username_of_the_account_picks_a_person_among_several(inventory: Inventory) -> None:
    assert chosen(Options(), replace(inventory, people=(*inventory.people, EVA), user_name="eva")) == ("Eva", 1000)


@pytest.mark.parametrize("asked", ["Eva", "eva"])
def test_a_person_is_named_by_name_or_by_username(inventory: Inventory, asked: str) -> None:
    people = (*inventory.people, EVA)
    assert chosen(Options(person=asked), replace(inventory, people=people)) == ("Eva", 1000)


def test_several_people_and_no_name_is_refused_and_lists_them(inventory: Inventory) -> None:
    found = choose_owner(Options(), replace(inventory, people=(EVA, BOB), user_name="ada"))
    assert isinstance(found, Finding)
    assert "Eva, Bob" in found.problem.hint


def test_a_person_that_the_configuration_does_not_know_is_refused(inventory: Inventory) -> None:
    assert "Zoe" in refused(Options(person="Zoe"), inventory)


def test_where_people_lists_nobody_any_printable_name_is_taken(inventory: Inventory) -> None:
    nobody = replace(inventory, people=())
    assert chosen(Options(person="Zoe"), nobody) == ("Zoe", 1000)
    assert "control character" in refused(Options(person="Zo\x07e"), nobody)
    refused(Options(person=""), nobody)
    refused(Options(), nobody)


def test_a_uid_that_was_asked_for_counts_before_every_other(inventory: Inventory) -> None:
    assert chosen(Options(uid=7), inventory) == ("Ada", 7)
    assert chosen(Options(uid=7), replace(inventory, sudo_uid=1001)) == ("Ada", 7)


def test_an_installation_of_root_is_refused_unless_a_uid_is_named(inventory: Inventory) -> None:
    of_root = replace(inventory, database_uid=0)
    assert "root" in refused(Options(), of_root)
    assert chosen(Options(uid=0), of_root) == ("Ada", 0)


def test_an_owner_that_nobody_could_read_is_not_taken_for_root(inventory: Inventory) -> None:
    assert "is not known" in refused(Options(), replace(inventory, database_uid=None))
