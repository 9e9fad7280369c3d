"""Lets the service user look where root was asked to: what root can read says nothing of what the daemon can."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from teleclaude.checks.result import Result
from teleclaude.checks.user import CANNOT_RUN
from teleclaude.daemon.service_user import Identity, make_environment

SECONDS = 60


@dataclass(frozen=True)
class _Answer:
    """What `teleclaude self-check --json` prints, as far as it is read here."""

    checks: tuple[Result, ...]


def judge_as(identity: Identity, name: str, environ: Mapping[str, str]) -> tuple[Result, ...]:
    """Return what a process with the rights of the service user `name` finds."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "teleclaude", "self-check", "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd="/",
            env=make_environment(environ),
            timeout=SECONDS,
            **identity.for_process(),
        )
        return TypeAdapter(_Answer).validate_json(done.stdout).checks
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except subprocess.TimeoutExpired:
        reason = f"it did not end in {SECONDS} seconds"
    except ValidationError:
        reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
    words = {"service": name}
    return (CANNOT_RUN.found("user", words, program=sys.executable, message=reason),)
