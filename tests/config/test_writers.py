"""Whoever can write besides the owner is named."""

import os
import pwd
from pathlib import Path

import pytest

from teleclaude.config.writers import find_open

DAEMON = pwd.getpwnam("daemon")


@pytest.mark.parametrize(
    ("mode", "trusted", "said"),
    [
        (0o40755, {0}, None),
        (0o42775, {0}, f"the group {DAEMON.pw_name} can change place, so root does not read it → run: chmod g-w place"),
        (0o40775, {0, DAEMON.pw_uid}, None),
        (0o40777, {0, DAEMON.pw_uid}, "everybody can change place, so root does not read it → run: chmod go-w place"),
        (0o41777, {0}, "everybody can put files into place, so root does not read it → move the old installation to"),
        (0o40777, set(), None),
    ],
)
def test_whoever_else_may_write_is_named_and_a_group_of_the_owner_alone_is_nobody_else(
    mode: int, trusted: set[int], said: str | None
) -> None:
    state = os.stat_result((mode, 0, 0, 1, 0, DAEMON.pw_gid, 0, 0, 0, 0))
    refusal = find_open(Path("place"), state, None, trusted)
    found = None if refusal is None else f"{refusal.problem.message} → {refusal.problem.hint}"
    assert found is None if said is None else str(found).startswith(said)
