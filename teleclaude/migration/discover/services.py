"""What would start the old program again: units of systemd and agents of launchd; and the agents that live in tmux."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from teleclaude.errors import SourceError
from teleclaude.migration.discover.references import Mentions
from teleclaude.migration.source.files import read_file
from teleclaude.migration.source.inventory import Account, Activity, Places, Service
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.unprivileged import list_names
from teleclaude.platform.names import UnitState
from teleclaude.platform.services import find_unit_folders, read_command, read_state, run_program

UNIT_LIMIT = 1 << 20


def find_services(privsep: Privsep, places: Places, mentions: Mentions) -> tuple[Service, ...]:
    """Return every unit of systemd, or agent of launchd, that names this installation, and whether it starts it."""
    return tuple(_find(privsep, places, mentions))


def _find(privsep: Privsep, places: Places, mentions: Mentions) -> Iterator[Service]:
    for folder in find_unit_folders(places.home):
        reader = privsep if folder.of_user else Privsep()
        for path, text in _naming(reader, folder.path, folder.patterns, mentions):
            unit = folder.unit(path.name)
            state = read_state(unit, folder.ask)
            running, at_boot = (state.kept, state.at_boot) if isinstance(state, UnitState) else (False, False)
            yield Service(unit, mentions.shown(read_command(text)), running, at_boot)


def _naming(privsep: Privsep, folder: Path, patterns: Sequence[str], mentions: Mentions) -> Iterator[tuple[Path, str]]:
    """Yield the files in a folder that name the old installation; one that cannot be read is left out."""
    for name in privsep.call(list_names, str(folder)):
        if any(fnmatch(name, pattern) for pattern in patterns):
            with suppress(SourceError, FileNotFoundError):
                text = read_file(privsep, folder / name, UNIT_LIMIT).decode(errors="replace")
                if mentions.found_in(text):
                    yield folder / name, text


def find_agents(places: Places, account: Account | None) -> Iterator[Activity]:
    """Yield the agents of the old program that live in tmux; their hooks may write."""
    owner = places.home.stat().st_uid
    server = Path(os.environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{owner}" / "default"  # noqa: S108
    # A server can have its client run any program, so nobody asks one but its owner, or root with the owner's rights.
    asker = account.uid if account else os.geteuid()
    if asker != owner or not server.is_socket() or server.parent.lstat().st_uid != owner:
        return
    answer = answer_of(["tmux", "-S", str(server), "ls", "-F", "#S"], account)
    sessions = [name for name in answer.split("\n") if name[:3] == "tc_"]
    if sessions:
        said = f"agents live in tmux, and their hooks may write: {', '.join(sorted(sessions)[:5])}"
        yield Activity(said, f"end them: tmux kill-session -t {shlex.quote(sorted(sessions)[0])}", stops=False)


def answer_of(command: Sequence[str], account: Account | None = None) -> str:
    """Return the lines that a command prints, nothing where it is not there or does not answer.

    It runs with the rights of `account` where there is one, and then gets nothing of our environment or terminal.
    """
    return run_program(command, _rights_of(account) if account else {}).stdout.rstrip("\n")


def _rights_of(account: Account) -> dict[str, Any]:
    identity = {"user": account.uid, "group": account.gid, "extra_groups": account.groups}
    return {**identity, "env": {"PATH": os.defpath}, "cwd": "/", "start_new_session": True}
