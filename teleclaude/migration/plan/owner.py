"""The owner of the sessions: a person, and an account of this computer. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from teleclaude.errors import Problem
from teleclaude.migration.plan import problems
from teleclaude.migration.report.events import Finding, Severity, error, note, warning
from teleclaude.migration.source.installation import Person
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.printable import is_printable, printable


@dataclass(frozen=True)
class Owner:
    """The owner of every session."""

    person: str
    uid: int
    account: str | None = None
    """The name of the account with that user id, None where this computer has none."""
    why: str = ""
    """How person and account were found."""


def choose_owner(options: Options, inventory: Inventory) -> Owner | Finding | None:
    """Return the owner, an error where it is not clear; None where the files could not be read, which is an error too.

    The user id is that of `--uid`, else of the owner of the database file, else, where that is root, of the caller of
    sudo. The person is that of `--person`, else the entry of `people` for the account, else the only entry.
    """
    uid, whose = _choose_uid(options, inventory)
    if uid is None:
        return None if inventory.database_uid is None else error("owner", problems.OWNED_BY_ROOT)
    people, files = inventory.people, _files_uid(inventory)
    # --uid may name an account that nobody in people has.
    accounts = tuple(_name(each, inventory) for each in (uid, files))
    person, because = _choose_person(options.person, accounts, people)
    if person is None:
        return error("owner", _explain_nobody(options.person, people))
    if not is_printable(person.name):
        return error("owner", problems.CONTROL_CHARACTER)
    if options.person and options.uid is None and _is_another(person, _name(files, inventory), people):
        return error("owner", problems.PERSON_DIFFERS.fill(person=person.name, account=_describe(files, inventory)))
    why = f"{person.name}, {because}; {_describe(uid, inventory)}, {whose}"
    return Owner(person.name, uid, _name(uid, inventory), why)


def _choose_uid(options: Options, inventory: Inventory) -> tuple[int | None, str]:
    """Return a user id and how it was found, None where it is not clear. Only `--uid 0` makes root the owner."""
    if options.uid is not None:
        return options.uid, "as --uid says"
    if inventory.database_uid:
        return inventory.database_uid, "the owner of the database file"
    if inventory.database_uid == 0 and inventory.sudo_uid:
        return inventory.sudo_uid, "who called sudo"
    return None, ""


def _choose_person(
    asked: str | None, accounts: tuple[str | None, ...], people: tuple[Person, ...]
) -> tuple[Person | None, str]:
    """Return a person and how that person was found, None where it is not clear who."""
    if asked is not None and not people:
        return (Person(asked, accounts[0]) if asked else None), "as --person says"
    if asked is not None:
        return next((each for each in people if asked in (each.name, each.username)), None), "as --person says"
    listed = [each for account in accounts if account is not None for each in people if each.username == account]
    if listed:
        return listed[0], f"whose username in people is {listed[0].username}"
    return (people[0] if len(people) == 1 else None), "the only entry of people"


def _explain_nobody(asked: str | None, people: tuple[Person, ...]) -> Problem:
    """Return why no person was found."""
    if not people:
        return problems.NO_PEOPLE
    problem = problems.UNKNOWN_PERSON if asked else problems.UNCLEAR_PERSON
    return problem.fill(person=asked, known=", ".join(each.name for each in people))


def _files_uid(inventory: Inventory) -> int | None:
    """Return the owner of the old files, None for root and where it is not known.

    A database that root made by accident lies in the home of somebody else, whose files it belongs to.
    """
    return inventory.database_uid or (inventory.account.uid if inventory.account else None)


def _name(uid: int | None, inventory: Inventory) -> str | None:
    return None if uid is None else inventory.account_names.get(uid)


def _describe(uid: int | None, inventory: Inventory) -> str:
    """Return an account for people."""
    name = _name(uid, inventory)
    return f"uid {uid} (no account of this computer)" if name is None else f"the account {name} (uid {uid})"


def _is_another(person: Person, account: str | None, people: tuple[Person, ...]) -> bool:
    """Whether `people` says that an account is not that person's; an entry without a username alone says nothing."""
    if account is None or person.username == account:
        return False
    return person.username is not None or any(each.username == account for each in people)


def find_owner_notices(options: Options, inventory: Inventory, owner: Owner) -> Iterator[Finding]:
    """Yield what the operator agrees to: an owner whom not every sign names, and what the daemon would not know."""
    differing = " and ".join(_find_differing(options, inventory, owner))
    if differing:
        account = _describe(owner.uid, inventory)
        # Whoever gave --uid has decided.
        severity = Severity.WARNING if options.uid is None else Severity.NOTE
        yield Finding(severity, "owner", problems.OWNER_DIFFERS.fill(account=account, differing=differing))
    if owner.account is None:
        yield warning("owner", problems.NO_ACCOUNT.fill(uid=owner.uid))
    path = inventory.layout.system_config
    first = find_first_person(owner, inventory)
    if first is not None:
        problem = problems.FIRST_PERSON if first.username else problems.FIRST_PERSON_UNNAMED
        yield note("owner", problem.fill(name=first.name, username=first.username, path=path))
        return
    # The caller of a trial is the operator, whoever that is.
    is_trial = inventory.layout.root is not None
    if not is_trial and owner.account not in (None, "root", *(each.username for each in inventory.people)):
        yield warning("owner", problems.NO_USERNAME.fill(name=owner.account, path=path))


def _find_differing(options: Options, inventory: Inventory, owner: Owner) -> Iterator[str]:
    """Yield each sign that names somebody else than the owner: the files, the caller of sudo, `--person`."""
    files, caller = _files_uid(inventory), inventory.sudo_uid
    if files and files != owner.uid:
        yield f"the old installation belongs to {_describe(files, inventory)}"
    if caller and caller != owner.uid:
        yield f"{_describe(caller, inventory)} called sudo"
    for person in inventory.people if options.person else ():
        if person.name == owner.person and _is_another(person, owner.account, inventory.people):
            yield f"--person names {person.name}" + (f" (username {person.username})" if person.username else "")


def find_first_person(owner: Owner, inventory: Inventory) -> Person | None:
    """Return the owner as the first entry of `people`, None where it lists somebody.

    The old daemon then took every caller for the administrator; the new one knows people by their accounts alone.
    """
    return None if inventory.people else Person(owner.person, owner.account)


def find_own_folders(owner: Owner, inventory: Inventory) -> tuple[str, ...]:
    """Return the folders of people that are the owner's: that of the name, of the username, then others."""
    people = inventory.people or (Person(owner.person, owner.account),)
    names = next(((each.name, each.username) for each in people if each.name == owner.person), (owner.person, None))
    own = [folder for folder in _folders(inventory) if [each.name for each in _whose(folder, people)] == [owner.person]]
    return tuple(sorted(own, key=lambda folder: (names.index(folder) if folder in names else len(names), folder)))


def find_folder_notices(owner: Owner, inventory: Inventory) -> Iterator[Finding]:
    """Yield a warning for each folder of people that fits several of them, or nobody."""
    people = inventory.people or (Person(owner.person, owner.account),)
    for folder in _folders(inventory):
        whose = _whose(folder, people)
        if len(whose) != 1:
            problem = problems.FOLDER_OF_SEVERAL if whose else problems.FOLDER_OF_NOBODY
            names = " and ".join(each.name for each in whose)
            secrets = inventory.layout.secrets
            yield warning("people", problem.fill(folder=printable(folder), names=names, secrets=secrets))


def _folders(inventory: Inventory) -> tuple[str, ...]:
    return tuple(inventory.config_files.persons) if inventory.config_files is not None else ()


def _whose(folder: str, people: tuple[Person, ...]) -> list[Person]:
    """Return the people with that name or username (facts: installation, a folder belongs to a person)."""
    return [each for each in people if _letters(folder) in {_letters(each.name), _letters(each.username or "")} - {""}]


def _letters(name: str) -> str:
    """Return letters and digits alone, in one case and one form of Unicode."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
