"""What a check says, and the faults that it can name. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class State(StrEnum):
    """How it stands with something, the better first."""

    PASS = "pass"  # noqa: S105 - a state and no password
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Result:
    """What was found: a sentence, the remedy where something is wrong, and the parts that it follows from."""

    name: str
    state: State
    sentence: str
    remedy: str = ""
    parts: tuple[Result, ...] = ()

    def leaves(self) -> Iterator[Result]:
        """Yield what was found itself, without what only follows from it."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True)
class Fault:
    """Something that can be wrong; sentence and remedy hold `{names}` of what is filled in."""

    state: State
    sentence: str
    remedy: str

    def found(self, name: str, words: Mapping[str, object], /, **more: object) -> Result:
        """Return the result `name` that says so; a path is quoted where it is part of a command."""
        said = {**words, **more}
        quoted = {key: shlex.quote(str(value)) if isinstance(value, Path) else value for key, value in said.items()}
        return Result(name, self.state, self.sentence.format(**said), self.remedy.format(**quoted))


def passed(name: str, sentence: str) -> Result:
    """Return that all is well."""
    return Result(name, State.PASS, sentence)


def whole(name: str, parts: Sequence[Result]) -> Result:
    """Return a result that is as bad as the worst of its parts."""
    order = list(State)
    worst = max((part.state for part in parts), key=order.index)
    if all(part.state is State.SKIPPED for part in parts):
        return Result(name, worst, "nothing of it could be checked", parts=tuple(parts))
    # What could not be checked is no worse than what was.
    state = State.PASS if worst is State.SKIPPED else worst
    wrong = [part.name for part in parts if part.state in (State.WARNING, State.FAILURE)]
    return Result(name, state, f"see to: {', '.join(wrong)}" if wrong else "as it should be", parts=tuple(parts))
