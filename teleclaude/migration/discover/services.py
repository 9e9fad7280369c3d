"""What starts the old program: units of systemd and agents of launchd; and agents that run in tmux."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from teleclaude.daemon.service_user import Identity
from teleclaude.errors import SourceError
from teleclaude.migration.discover.old_paths import OldPaths
from teleclaude.migration.discover.problems import AGENTS_RUN
from teleclaude.migration.source.files import read_file
from teleclaude.migration.source.installation import Account, Places
from teleclaude.migration.source.inventory import Activity, Service
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.unprivileged import list_names
from teleclaude.platform.names import UnitState
from teleclaude.platform.services import find_unit_folders, read_command, read_state, run_program

_UNIT_LIMIT = 1 << 20
"""Bytes; a larger file is no unit."""


def find_services(privsep: Privsep, places: Places, old_paths: OldPaths) -> tuple[Service, ...]:
    """Return every unit of systemd, or agent of launchd, that names this installation, and whether it starts it."""
    found = []
    for folder in find_unit_folders(places.home):
        reader = privsep if folder.of_user else Privsep()
        for path, text in _naming(reader, folder.path, folder.patterns, old_paths):
            unit = folder.unit(path.name)
            state = read_state(unit, folder.ask)
            running, at_boot = (state.kept, state.at_boot) if isinstance(state, UnitState) else (False, False)
            found.append(Service(unit, old_paths.shown(read_command(text)), running, at_boot))
    return tuple(found)


def _naming(privsep: Privsep, folder: Path, patterns: Sequence[str], old_paths: OldPaths) -> Iterator[tuple[Path, str]]:
    """Yield the files in a folder that name the old installation, and their text; unreadable ones are left out."""
    for name in privsep.call(list_names, str(folder)):
        if any(fnmatch(name, pattern) for pattern in patterns):
            with suppress(SourceError, FileNotFoundError):
                text = read_file(privsep, folder / name, _UNIT_LIMIT).decode(errors="replace")
                if old_paths.found_in(text):
                    yield folder / name, text


def find_agents(places: Places, account: Account | None) -> Iterator[Activity]:
    """Yield a warning for the agents of the old program that run in tmux."""
    owner = places.home.stat().st_uid
    server = Path(os.environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{owner}" / "default"  # noqa: S108
    # A server can make its client run any program, so only its owner asks it, or root with the owner's rights.
    asker = account.uid if account else os.geteuid()
    if asker != owner or not server.is_socket() or server.parent.lstat().st_uid != owner:
        return
    answer = answer_of(["tmux", "-S", str(server), "ls", "-F", "#S"], account)
    sessions = [name for name in answer.split("\n") if name[:3] == "tc_"]
    if sessions:
        listed = ", ".join(sorted(sessions)[:5])
        yield Activity(AGENTS_RUN.fill(listed=listed, session=shlex.quote(min(sessions))), stops=False)


def answer_of(command: Sequence[str], account: Account | None = None) -> str:
    """Return the output of a command, empty where the command is missing or does not end.

    It runs with the rights of `account` where there is one, and then without our environment and terminal.
    """
    given: dict[str, Any] | None = None
    if account is not None:
        identity = Identity(account.uid, account.gid, account.groups).for_process()
        given = {**identity, "env": {"PATH": os.defpath}, "cwd": "/", "start_new_session": True}
    return run_program(command, given).stdout.rstrip("\n")
