"""Who may connect: so many of one account, few of those that nobody knows, and an administrator when it is full."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Mapping

from teleclaude.daemon import problems
from teleclaude.daemon.identity import Role
from teleclaude.errors import Problem

MOST_CONNECTIONS = 64
"""Of one account at a time; one more is refused and closed."""

MOST_UNKNOWN = 16
"""Of all accounts together that are no person in the configuration."""

_OWN_FILES = 64
"""Descriptors that are left for the database, the log and what the program loads."""


def read_most() -> int:
    """Return how many connections fit below the limit of open files of this process."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = files == resource.RLIM_INFINITY
    return 2**16 if endless else max(files - _OWN_FILES, files // 2)


class Gate:
    """Counts the connections of every account."""

    def __init__(self, roles: Mapping[int, Role], most: int) -> None:
        self.roles = dict(roles)
        """The accounts that are known, by their numbers."""
        self.most = most
        self.others = most - most // 4
        """How many there may be before only an administrator is let in."""
        self.open = Counter[int]()

    def enter(self, uid: int) -> Problem | None:
        """Count a connection of an account, or return why it is refused."""
        problem = self._find_refusal(uid)
        if problem is None:
            self.open[uid] += 1
        return problem

    def _find_refusal(self, uid: int) -> Problem | None:
        role = self.roles.get(uid)
        if self.open.total() >= (self.most if role is Role.ADMIN else self.others):
            return problems.FULL
        if self.open[uid] >= MOST_CONNECTIONS:
            return problems.TOO_MANY_CONNECTIONS
        unknown = sum(number for account, number in self.open.items() if account not in self.roles)
        return problems.UNKNOWN_HAVE_TOO_MANY if role is None and unknown >= MOST_UNKNOWN else None

    def leave(self, uid: int) -> None:
        """Count a connection less."""
        self.open[uid] -= 1
        if not self.open[uid]:
            del self.open[uid]
