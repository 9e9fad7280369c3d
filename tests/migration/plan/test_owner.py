"""To whom the sessions belong is decided from what was asked and seen, and is never root or the caller by accident."""

from dataclasses import replace
from pathlib import Path

import pytest

from teleclaude.layout import make_layout
from teleclaude.migration.plan.owner import (
    Owner,
    choose_owner,
    find_first_person,
    find_folder_notices,
    find_own_folders,
    find_owner_notices,
)
from teleclaude.migration.report.events import Finding, Severity
from teleclaude.migration.source.installation import Account, ConfigFiles, Person
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options

ADA, BOB, EVA, NAMELESS = Person("Ada", "ada"), Person("Bob", "bob"), Person("Eva", "eva"), Person("Zoe", None)
NAMES = {0: "root", 1000: "ada", 1001: "bob", 1003: "guest"}
"""The accounts of this computer; Eva has none."""


def seen(inventory: Inventory, files: int | None, caller: int | None, *people: Person) -> Inventory:
    return replace(inventory, database_uid=files, sudo_uid=caller, people=people, account_names=NAMES)


def chosen(options: Options, inventory: Inventory) -> tuple[str, int, str | None]:
    owner = choose_owner(options, inventory)
    assert isinstance(owner, Owner), owner
    return owner.person, owner.uid, owner.account


def refused(options: Options, inventory: Inventory) -> str:
    finding = choose_owner(options, inventory)
    assert isinstance(finding, Finding), finding
    assert finding.severity is Severity.ERROR
    assert finding.problem.hint
    return finding.problem.message


def told(options: Options, inventory: Inventory) -> list[tuple[Severity, str]]:
    owner = choose_owner(options, inventory)
    assert isinstance(owner, Owner), owner
    found = find_owner_notices(options, inventory, owner)
    return [(finding.severity, finding.problem.message) for finding in found]


@pytest.mark.parametrize(
    ("uid", "files", "caller", "owner"),
    [
        (None, 1000, None, 1000),
        (None, 1000, 1000, 1000),
        (None, 1000, 1001, 1000),
        (None, 4242, 1001, 4242),
        (None, 0, 1001, 1001),
        (1001, 1000, None, 1001),
        (1001, 1000, 1003, 1001),
        (1001, 0, 1000, 1001),
        (1001, None, None, 1001),
        (4242, 1000, 1000, 4242),
        (0, 1000, 1000, 0),
        (0, 0, None, 0),
    ],
)
def test_the_user_id_is_that_of_the_flag_then_of_the_files_then_of_the_caller(
    inventory: Inventory, uid: int | None, files: int | None, caller: int | None, owner: int
) -> None:
    assert chosen(Options(uid=uid), seen(inventory, files, caller, ADA)) == ("Ada", owner, NAMES.get(owner))


@pytest.mark.parametrize(
    ("files", "caller", "sentence"),
    [
        (0, None, "the old installation belongs to root"),
        (0, 0, "the old installation belongs to root"),
    ],
)
def test_root_owns_no_sessions_by_owning_the_files(
    inventory: Inventory, files: int | None, caller: int | None, sentence: str
) -> None:
    assert refused(Options(), seen(inventory, files, caller, ADA)) == sentence


def test_the_caller_owns_no_files_that_could_not_be_read(inventory: Inventory) -> None:
    assert choose_owner(Options(), seen(inventory, None, 1001, ADA)) is None


@pytest.mark.parametrize(
    ("uid", "files", "caller", "people", "person"),
    [
        (None, 1000, None, (ADA, BOB), "Ada"),
        (None, 1000, 1001, (BOB, ADA), "Ada"),
        (None, 0, 1001, (ADA, BOB), "Bob"),
        (None, 1003, 1001, (EVA,), "Eva"),
        (None, 4242, 1001, (NAMELESS,), "Zoe"),
        (1001, 1000, 1000, (ADA, BOB), "Bob"),
        (1003, 1000, 1001, (ADA, BOB), "Ada"),
        (4242, 1001, None, (ADA, BOB), "Bob"),
        (4242, 1003, None, (EVA,), "Eva"),
    ],
)
def test_the_person_is_the_entry_of_the_owners_account_and_never_that_of_the_caller(
    inventory: Inventory,
    uid: int | None,
    files: int,
    caller: int | None,
    people: tuple[Person, ...],
    person: str,
) -> None:
    assert chosen(Options(uid=uid), seen(inventory, files, caller, *people))[0] == person


@pytest.mark.parametrize(
    ("uid", "files", "caller"), [(None, 1003, None), (None, 1003, 1000), (None, 4242, 1000), (1003, 0, 1000)]
)
def test_several_people_of_other_accounts_are_refused_and_listed(
    inventory: Inventory, uid: int | None, files: int, caller: int | None
) -> None:
    found = choose_owner(Options(uid=uid), seen(inventory, files, caller, ADA, BOB, NAMELESS))
    assert isinstance(found, Finding)
    assert "Ada, Bob, Zoe" in found.problem.hint


@pytest.mark.parametrize("asked", ["Eva", "eva"])
def test_a_person_is_named_by_name_or_by_username(inventory: Inventory, asked: str) -> None:
    assert chosen(Options(person=asked, uid=7), seen(inventory, 1000, None, ADA, EVA)) == ("Eva", 7, None)


def test_a_person_that_the_configuration_does_not_know_is_refused(inventory: Inventory) -> None:
    assert "Zoe" in refused(Options(person="Zoe"), seen(inventory, 1000, None, ADA))


@pytest.mark.parametrize(
    ("asked", "files", "caller", "people"),
    [
        ("Bob", 1000, None, (ADA, BOB)),
        ("bob", 1000, 1001, (ADA, BOB)),
        ("Eva", 1000, None, (EVA,)),
        ("Zoe", 1000, None, (ADA, NAMELESS)),
    ],
)
def test_a_person_who_does_not_own_the_files_is_refused_without_a_user_id(
    inventory: Inventory, asked: str, files: int, caller: int | None, people: tuple[Person, ...]
) -> None:
    place = seen(inventory, files, caller, *people)
    finding = choose_owner(Options(person=asked), place)
    assert isinstance(finding, Finding)
    name = next(each.name for each in people if asked in (each.name, each.username))
    assert finding.problem.message == (
        f"--person names {name}, but the old installation belongs to the account ada (uid 1000)"
    )
    assert "--uid N" in finding.problem.hint
    for uid in (1000, 1001):
        assert chosen(Options(person=asked, uid=uid), place)[:2] == (name, uid)


@pytest.mark.parametrize(
    ("asked", "files", "caller", "people"),
    [
        ("Ada", 1000, 1001, (ADA, BOB)),
        ("Zoe", 1000, None, (BOB, NAMELESS)),
        ("Bob", 4242, None, (ADA, BOB)),
        ("Bob", 0, 1000, (ADA, BOB)),
        ("Bob", 1000, 1001, ()),
    ],
)
def test_a_person_is_refused_only_where_people_says_whose_the_files_are(
    inventory: Inventory, asked: str, files: int, caller: int | None, people: tuple[Person, ...]
) -> None:
    assert chosen(Options(person=asked), seen(inventory, files, caller, *people))[0] == asked


def test_a_database_of_root_in_the_home_of_a_user_is_not_quietly_the_callers(inventory: Inventory) -> None:
    home = replace(seen(inventory, 0, 1001, ADA, BOB), account=Account(1000, 1000, (), (), "ada"))
    sentence = (
        "every session belongs to the account bob (uid 1001), "
        "but the old installation belongs to the account ada (uid 1000)"
    )
    assert told(Options(), home) == [(Severity.WARNING, sentence)]
    assert "belongs to the account ada" in refused(Options(person="Bob"), home)


def test_where_people_lists_nobody_any_printable_name_is_taken(inventory: Inventory) -> None:
    nobody = seen(inventory, 1000, None)
    assert chosen(Options(person="Zoe"), nobody) == ("Zoe", 1000, "ada")
    assert "control character" in refused(Options(person="Zo\x07e"), nobody)
    for asked in ("", None):
        assert "people lists nobody" in refused(Options(person=asked), nobody)


@pytest.mark.parametrize(
    ("uid", "files", "caller", "username"),
    [(None, 1000, 1001, "ada"), (1001, 1000, None, "bob"), (None, 0, 1001, "bob"), (None, 4242, 1001, None)],
)
def test_the_first_entry_of_people_is_the_account_of_the_owner(
    inventory: Inventory, uid: int | None, files: int, caller: int | None, username: str | None
) -> None:
    options, nobody = Options(person="Zoe", uid=uid), seen(inventory, files, caller)
    owner = choose_owner(options, nobody)
    assert isinstance(owner, Owner)
    assert find_first_person(owner, nobody) == Person("Zoe", username)
    assert find_first_person(owner, replace(nobody, people=(ADA,))) is None
    end = f"with the username {username}" if username else "without a username"
    assert any(message.endswith(end) for _, message in told(options, nobody))


def test_how_the_owner_was_found_names_person_account_and_number(inventory: Inventory) -> None:
    owner = choose_owner(Options(), seen(inventory, 1000, 1001, ADA, BOB))
    assert isinstance(owner, Owner)
    assert owner.why == (
        "Ada, whose username in people is ada; the account ada (uid 1000), the owner of the database file"
    )


@pytest.mark.parametrize(
    ("options", "files", "caller", "severity", "differing"),
    [
        (Options(), 1000, 1001, Severity.WARNING, "the account bob (uid 1001) called sudo"),
        (Options(), 1000, 4242, Severity.WARNING, "uid 4242 (no account of this computer) called sudo"),
        (Options(person="Bob"), 0, 1000, Severity.WARNING, "--person names Bob (username bob)"),
        (Options(uid=1000), 1000, 1001, Severity.NOTE, "the account bob (uid 1001) called sudo"),
        (
            Options(person="Bob", uid=1000),
            1001,
            None,
            Severity.NOTE,
            "the old installation belongs to the account bob (uid 1001) and --person names Bob (username bob)",
        ),
        (Options(), 1000, 1000, None, ""),
        (Options(), 1000, None, None, ""),
        (Options(person="Ada"), 0, 1000, None, ""),
    ],
)
def test_every_sign_that_names_another_account_is_told_by_its_name(
    inventory: Inventory,
    options: Options,
    files: int,
    caller: int | None,
    severity: Severity | None,
    differing: str,
) -> None:
    sentence = f"every session belongs to the account ada (uid 1000), but {differing}"
    assert told(options, seen(inventory, files, caller, ADA, BOB)) == ([(severity, sentence)] if severity else [])


@pytest.mark.parametrize(("uid", "files"), [(4242, 1000), (None, 4242)])
@pytest.mark.parametrize("root", [None, Path("/trial")])
def test_a_user_id_without_an_account_is_a_warning(
    inventory: Inventory, uid: int | None, files: int, root: Path | None
) -> None:
    place = replace(seen(inventory, files, None, ADA), layout=make_layout("linux", root, {}))
    sentence = "every session belongs to uid 4242, and this computer has no account with that number"
    assert (Severity.WARNING, sentence) in told(Options(uid=uid), place)


@pytest.mark.parametrize(
    ("root", "person", "warned"),
    [(None, EVA, True), (None, NAMELESS, True), (None, ADA, False), (Path("/trial"), EVA, False)],
)
def test_whoever_could_not_list_the_sessions_afterwards_is_told(
    inventory: Inventory, root: Path | None, person: Person, warned: bool
) -> None:
    place = replace(seen(inventory, 1000, None, person), layout=make_layout("linux", root, {}))
    owner = choose_owner(Options(), place)
    assert isinstance(owner, Owner)
    hints = [finding.problem.hint for finding in find_owner_notices(Options(), place, owner)]
    remedy = (
        "after the migration write username: ada into the right entry of people in /etc/teleclaude/config.yml, "
        "then start the daemon"
    )
    assert hints == ([remedy] if warned else [])


BYRON = Person("Ada Byron", "ada")


def with_folders(inventory: Inventory, people: tuple[Person, ...], *folders: str) -> Inventory:
    place = Path("/private")
    files = ConfigFiles(place, place, place, place, persons=dict.fromkeys(folders, place))
    return replace(inventory, people=people, config_files=files)


@pytest.mark.parametrize(
    ("folders", "own"),
    [
        (("Ada Byron",), ("Ada Byron",)),
        (("ada-byron",), ("ada-byron",)),
        (("ADA",), ("ADA",)),
        (("ADA", "ada", "Ada Byron", "bob"), ("Ada Byron", "ada", "ADA")),
        (("Adabyronx",), ()),
        (("---",), ()),
    ],
)
def test_a_folder_is_the_owners_by_the_letters_and_digits_of_name_or_username(
    inventory: Inventory, folders: tuple[str, ...], own: tuple[str, ...]
) -> None:
    assert find_own_folders(Owner("Ada Byron", 1000), with_folders(inventory, (BYRON, BOB), *folders)) == own


def test_a_folder_that_fits_two_people_or_nobody_is_named_and_is_nobodys(inventory: Inventory) -> None:
    twin = Person("A.D.A.", "zoe")
    place, owner = with_folders(inventory, (BYRON, twin), "ada", "stranger", "zoe"), Owner("Ada Byron", 1000)
    assert find_own_folders(owner, place) == ()
    assert [finding.problem.message for finding in find_folder_notices(owner, place)] == [
        "the folder people/ada fits several entries of people: Ada Byron and A.D.A.",
        "the folder people/stranger fits no name or username in people",
    ]
