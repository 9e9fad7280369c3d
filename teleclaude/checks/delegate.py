"""Runs the self-check as the service user where root asked for it: root can read what the daemon cannot."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from teleclaude.checks.problems import SAID
from teleclaude.checks.result import Result, State
from teleclaude.checks.user import CANNOT_RUN
from teleclaude.daemon.service_user import Identity, make_environment, python

_SECONDS = 60
"""How long the whole check may take."""


@dataclass(frozen=True)
class _Said:
    """A result as `Result.to_json` writes it."""

    name: str
    state: State
    sentence: str
    remedy: str
    parts: tuple[_Said, ...]

    def to_result(self) -> Result:
        problem = SAID.fill(message=self.sentence, hint=self.remedy)
        return Result(self.name, self.state, problem, tuple(part.to_result() for part in self.parts))


@dataclass(frozen=True)
class _Answer:
    """The part of the answer of `teleclaude self-check --json` that is read here."""

    checks: tuple[_Said, ...]


def judge_as(identity: Identity, name: str, environ: Mapping[str, str]) -> tuple[Result, ...]:
    """Return what a process with the rights of the service user `name` finds."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program
            python("-m", "teleclaude", "self-check", "--json"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd="/",
            env=make_environment(environ),
            timeout=_SECONDS,
            **identity.for_process(),
        )
        answer = TypeAdapter(_Answer).validate_json(done.stdout)
        return tuple(said.to_result() for said in answer.checks)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except subprocess.TimeoutExpired:
        reason = f"it did not end in {_SECONDS} seconds"
    except ValidationError:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
    return (CANNOT_RUN.found("user", {"service": name}, program=sys.executable, message=reason),)
