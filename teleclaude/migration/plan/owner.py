"""The owner of the sessions: a person and a user id. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from teleclaude.migration.plan import problems
from teleclaude.migration.report.events import Finding, error
from teleclaude.migration.source.installation import Person
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.printable import is_printable


@dataclass(frozen=True)
class Owner:
    """The owner of every session."""

    person: str
    uid: int
    why: str = ""
    """How both were found."""


def choose_owner(options: Options, inventory: Inventory) -> Owner | Finding:
    """Return the owner, an error where it is not clear.

    `--person` wins over the entry of `people` for the account and over an only entry; `--uid` wins over SUDO_UID and
    over the owner of the database file. Never root, unless `--uid 0` asks for it.
    """
    people = inventory.people
    known = ", ".join(person.name for person in people) or "nobody"
    person, because = _choose_person(options.person, inventory.user_name, people)
    if person is not None and not people and not is_printable(person):
        return error("owner", problems.CONTROL_CHARACTER)
    if person is None and options.person and people:
        return error("owner", problems.UNKNOWN_PERSON.fill(person=options.person, known=known))
    if person is None:
        return error("owner", problems.UNCLEAR_PERSON.fill(known=known))
    found = (
        (options.uid, "as --uid says"),
        (inventory.sudo_uid, "who called sudo"),
        (inventory.database_uid, "the owner of the database file"),
    )
    uid, whose = next((each for each in found if each[0] is not None), (None, ""))
    if uid is None:
        return error("owner", problems.UNKNOWN_UID)
    if uid == 0 and options.uid is None:
        return error("owner", problems.OWNED_BY_ROOT)
    return Owner(person, uid, f"{person}, {because}; uid {uid}, {whose}")


def _choose_person(asked: str | None, user: str | None, people: tuple[Person, ...]) -> tuple[str | None, str]:
    """Return a person and how that person was found; the person is None where it is not clear who."""
    if asked is not None:
        known = [person.name for person in people if asked in (person.name, person.username)] if people else [asked]
        return next(filter(None, known), None), "as --person says"
    own = [person.name for person in people if user is not None and person.username == user]
    if own:
        return own[0], f"whose username in people is {user}"
    return (people[0].name if len(people) == 1 else None), "the only entry of people"
