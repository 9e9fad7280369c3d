"""Who calls: the account at the other end of the Unix socket, the person it is, and what that person may do.

The kernel says which account it is; nothing that a caller writes into a request can make it another.
"""

from __future__ import annotations

import pwd
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from teleclaude.config.schema import Person
from teleclaude.errors import RequestError


class Role(StrEnum):
    """What a person is here, the mightiest first (facts: installation, people; sessions know customers too)."""

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


def identify(account: Account, people: Sequence[Person], service_uid: int, *, single_user: bool) -> Caller:
    """Return who an account is; raises RequestError (403) where it is nobody known.

    Root and the account that the daemon runs as are operators: they can read the database anyway, so refusing them
    would only take their reading out of the audit log. A single-user installation is its one user's.
    """
    if account.name is None:
        raise RequestError(403, f"user {account.uid} has no account on this machine", "call as a user who has one")
    found = [person for person in people if person.username == account.name]
    if len(found) > 1:
        sentence = f"{len(found)} people in the configuration have the username {account.name}"
        raise RequestError(403, sentence, "leave it with one of them, and restart the daemon")
    if account.uid in (0, service_uid):
        owner = found or (list(people) if single_user and len(people) == 1 else [])
        return _known(owner[0], account, Role.ADMIN) if owner else Caller(account.name, Role.ADMIN, account.uid)
    if single_user or not found:
        sentence = f"{account.name} is nobody that this installation knows"
        hint = f"an administrator adds username: {account.name} to a person in the system's configuration"
        raise RequestError(403, sentence, f"{hint}, and restarts the daemon")
    return _known(found[0], account, Role(found[0].role))


def _known(person: Person, account: Account, role: Role) -> Caller:
    return Caller(person.name, role, account.uid, person.email)


def narrow(caller: Caller, role: str) -> Caller:
    """Return the caller with the lesser of its own role and this one; a role that nobody knows is the least."""
    roles = list(Role)
    given = Role(role) if role in roles else roles[-1]
    return replace(caller, role=max(caller.role, given, key=roles.index))
