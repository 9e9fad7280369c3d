"""Who calls: the account at the other end of the Unix socket, the person of that account, and the person's role.

The kernel says which account it is. Nothing in a request can change that.
"""

from __future__ import annotations

import pwd
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from teleclaude.config.schema import Person
from teleclaude.daemon import problems
from teleclaude.errors import RequestError


class Role(StrEnum):
    """The role of a person, that with most rights first (facts: installation, people; sessions know customers too)."""

    ADMIN = "admin"
    MEMBER = "member"
    CONTRIBUTOR = "contributor"
    NEWCOMER = "newcomer"
    CUSTOMER = "customer"


@dataclass(frozen=True)
class Account:
    """An account of the operating system; `name` is None where the system knows none for the number."""

    uid: int
    name: str | None


@dataclass(frozen=True)
class Caller:
    """A person who is known, or the operator."""

    person: str
    role: Role
    uid: int
    email: str | None = None


def read_account(uid: int) -> Account:
    """Return the account with a number, as the system's user database has it now."""
    try:
        return Account(uid, pwd.getpwuid(uid).pw_name)
    except KeyError:
        return Account(uid, None)


def read_roles(people: Sequence[Person]) -> dict[int, Role]:
    """Return the roles of the accounts that are people, by their numbers; slow where accounts are kept elsewhere."""
    roles = {}
    for person in people:
        with suppress(KeyError):
            roles[pwd.getpwnam(person.username or "").pw_uid] = Role(person.role)
    return roles


def identify(account: Account, people: Sequence[Person], service_uid: int, *, single_user: bool) -> Caller:
    """Return the person of an account; raises RequestError (403) where the account is unknown.

    Root and the account that the daemon runs as are operators, with the role admin. They can read the database anyway,
    and what they read through the daemon is in the audit log. A single-user installation belongs to its one user.
    """
    if account.name is None:
        raise RequestError(403, problems.UID_WITHOUT_ACCOUNT.fill(uid=account.uid))
    found = [person for person in people if person.username == account.name]
    if len(found) > 1:
        raise RequestError(403, problems.USERNAME_OF_MANY.fill(number=len(found), name=account.name))
    if account.uid in (0, service_uid):
        owner = found or (list(people) if single_user and len(people) == 1 else [])
        return _known(owner[0], account, Role.ADMIN) if owner else Caller(account.name, Role.ADMIN, account.uid)
    if single_user or not found:
        raise RequestError(403, problems.UNKNOWN_USER.fill(name=account.name))
    return _known(found[0], account, Role(found[0].role))


def _known(person: Person, account: Account, role: Role) -> Caller:
    return Caller(person.name, role, account.uid, person.email)


def narrow(caller: Caller, role: str) -> Caller:
    """Return the caller with its own role or this one, that with fewer rights; an unknown role has the fewest."""
    roles = list(Role)
    given = Role(role) if role in roles else roles[-1]
    return replace(caller, role=max(caller.role, given, key=roles.index))
