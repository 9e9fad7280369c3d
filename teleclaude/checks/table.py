"""The table of the checks. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from types import ModuleType

from teleclaude.checks import (
    database,
    disk,
    layers,
    libraries,
    lock,
    migration,
    places,
    schema,
    service,
    sessions,
    socket,
    user,
)
from teleclaude.checks.facts import Facts
from teleclaude.checks.result import Fault, Result, State


@dataclass(frozen=True)
class Check:
    """A check: its name, how it judges, and every fault that it can name."""

    name: str
    judge: Callable[[Facts], Result]
    faults: tuple[Fault, ...]


def _make_check(module: ModuleType) -> Check:
    """Return the check of a module: its `judge`, and the faults among its names."""
    faults = tuple(value for value in vars(module).values() if isinstance(value, Fault))
    return Check(module.__name__.rpartition(".")[2], module.judge, faults)


_MODULES = (user, libraries, layers, places, database, schema, lock, migration, socket, service, disk, sessions)

CHECKS = tuple(_make_check(module) for module in _MODULES)

AT_PROBE = tuple(_make_check(module) for module in (layers, database, schema))
"""The checks that make sense when nothing runs yet, which the probe of the daemon judges too."""


def judge(facts: Facts, checks: Iterable[Check] = CHECKS) -> tuple[Result, ...]:
    """Return what each check says of the facts."""
    return tuple(check.judge(facts) for check in checks)


def is_well(results: Iterable[Result]) -> bool:
    """Whether nothing failed."""
    return all(result.state is not State.FAILURE for result in results)


def find_problems(results: Iterable[Result], state: State) -> list[dict[str, str]]:
    """Return everything that is in `state`, with the keys `message` and `hint`."""
    leaves = (leaf for result in results for leaf in result.leaves() if leaf.state is state)
    return [asdict(leaf.problem) for leaf in leaves]
