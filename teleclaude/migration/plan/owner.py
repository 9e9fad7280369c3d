"""To whom the sessions will belong. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from teleclaude.migration.report.events import Finding, error
from teleclaude.migration.source.installation import Person
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.printable import is_printable


@dataclass(frozen=True)
class Owner:
    """To whom every session belongs."""

    person: str
    uid: int
    why: str = ""
    """How both were found."""


def choose_owner(options: Options, inventory: Inventory) -> Owner | Finding:
    """Return whom every session will belong to (design: command line and places, owner)."""
    people = inventory.people
    names = ", ".join(person.name for person in people) or "nobody"
    person, because = _choose_person(options.person, inventory.user_name, people)
    if person is not None and not people and not is_printable(person):
        return error("owner", "the name after --person has a control character", "use --person NAME without it")
    if person is None and options.person and people:
        return error("owner", f"the configuration does not know {options.person}", f"name one of these: {names}")
    if person is None:
        return error("owner", "it is not clear whom the sessions belong to", f"use --person NAME; known: {names}")
    found = (
        (options.uid, "as --uid says"),
        (inventory.sudo_uid, "who called sudo"),
        (inventory.database_uid, "the owner of the database file"),
    )
    uid, whose = next((each for each in found if each[0] is not None), (None, ""))
    if uid is None:
        return error("owner", "the owner of the database file is not known", "fix the rest, or use --uid N")
    if uid == 0 and options.uid is None:
        return error("owner", "the old installation belongs to root", "use --uid N, the user id of its real owner")
    return Owner(person, uid, f"{person}, {because}; uid {uid}, {whose}")


def _choose_person(asked: str | None, user: str | None, people: tuple[Person, ...]) -> tuple[str | None, str]:
    """Return a person, None where it is not clear who, and how that person was found."""
    if asked is not None and not people:
        return asked or None, "as --person says"
    if asked is not None:
        known = [person.name for person in people if asked in (person.name, person.username)]
        return (known[0] if known else None), "as --person says"
    own = [person.name for person in people if user is not None and person.username == user]
    if own:
        return own[0], f"whose username in people is {user}"
    return (people[0].name if len(people) == 1 else None), "the only entry of people"


def find_first_person(owner: Owner, inventory: Inventory) -> Person | None:
    """Return the owner as the first entry of `people`, None where it lists somebody.

    The old daemon took whoever called for the administrator then; the new one knows people by their accounts alone.
    """
    return None if inventory.people else Person(owner.person, inventory.user_name)
