"""The results of a check, and the faults that it can find. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from teleclaude.checks.problems import SAID, UNCHECKED_PARTS, WELL, WRONG_PARTS
from teleclaude.errors import Problem


class State(StrEnum):
    """The state of what was checked, the better first."""

    PASS = "pass"  # noqa: S105 - a state and no password
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Result:
    """What was found: a sentence with its remedy where something is wrong, and the parts that it follows from."""

    name: str
    state: State
    problem: Problem
    parts: tuple[Result, ...] = ()

    def leaves(self) -> Iterator[Result]:
        """Yield the results that have no parts."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def to_json(self) -> dict[str, Any]:
        """Return the result as `teleclaude self-check --json` prints it (docs/self-check.md)."""
        said = {"sentence": self.problem.message, "remedy": self.problem.hint}
        return {"name": self.name, "state": self.state, **said, "parts": [part.to_json() for part in self.parts]}


@dataclass(frozen=True)
class Fault:
    """Something that can be wrong; the problem holds `{names}` of what is filled in."""

    state: State
    problem: Problem

    def found(self, name: str, words: Mapping[str, object], /, **more: object) -> Result:
        """Return the result `name` that says so."""
        return Result(name, self.state, self.problem.fill(**{**words, **more}))


def skipped(message: str, hint: str) -> Fault:
    """Return the fault that something cannot be checked."""
    return Fault(State.SKIPPED, Problem(message, hint))


def warning(message: str, hint: str) -> Fault:
    """Return a fault with which the daemon works."""
    return Fault(State.WARNING, Problem(message, hint))


def failure(message: str, hint: str) -> Fault:
    """Return a fault with which the daemon does not work, or is not safe."""
    return Fault(State.FAILURE, Problem(message, hint))


def passed(name: str, sentence: str) -> Result:
    """Return that all is well."""
    return Result(name, State.PASS, SAID.fill(message=sentence, hint=""))


def whole(name: str, parts: Sequence[Result]) -> Result:
    """Return a result that is as bad as the worst of its parts."""
    order = list(State)
    worst = max((part.state for part in parts), key=order.index)
    # What could not be checked is no worse than what was.
    unseen = all(part.state is State.SKIPPED for part in parts)
    state = State.PASS if worst is State.SKIPPED and not unseen else worst
    wrong = ", ".join(part.name for part in parts if part.state in (State.WARNING, State.FAILURE))
    problem = WRONG_PARTS if wrong else UNCHECKED_PARTS if unseen else WELL
    return Result(name, state, problem.fill(names=wrong), tuple(parts))
