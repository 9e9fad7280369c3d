"""The table of the checks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from teleclaude.checks import database, disk, layers, lock, migration, places, schema, service, sessions, socket, user
from teleclaude.checks.facts import Facts
from teleclaude.checks.result import Fault, Result, State


@dataclass(frozen=True)
class Check:
    """A check: its name, how it judges, and every fault that it can name."""

    name: str
    judge: Callable[[Facts], Result]
    faults: tuple[Fault, ...]
    at_probe: bool = False
    """Whether the daemon's probe judges it too, when nothing runs yet."""


CHECKS = (
    Check("user", user.judge, user.FAULTS),
    Check("layers", layers.judge, layers.FAULTS, at_probe=True),
    Check("places", places.judge, places.FAULTS),
    Check("database", database.judge, database.FAULTS, at_probe=True),
    Check("schema", schema.judge, schema.FAULTS, at_probe=True),
    Check("lock", lock.judge, lock.FAULTS),
    Check("migration", migration.judge, migration.FAULTS),
    Check("socket", socket.judge, socket.FAULTS),
    Check("service", service.judge, service.FAULTS),
    Check("disk", disk.judge, disk.FAULTS),
    Check("sessions", sessions.judge, sessions.FAULTS),
)


def judge(facts: Facts, checks: Iterable[Check] = CHECKS) -> tuple[Result, ...]:
    """Return what each check says of the facts."""
    return tuple(check.judge(facts) for check in checks)


def at_probe() -> tuple[Check, ...]:
    """Return the checks that make sense when nothing runs yet."""
    return tuple(check for check in CHECKS if check.at_probe)


def is_well(results: Iterable[Result]) -> bool:
    """Whether nothing failed."""
    return all(result.state is not State.FAILURE for result in results)


def find_problems(results: Iterable[Result], state: State) -> list[dict[str, str]]:
    """Return everything that is in `state`, with the keys `message` and `hint`."""
    leaves = (leaf for result in results for leaf in result.leaves() if leaf.state is state)
    return [asdict(leaf.problem) for leaf in leaves]
