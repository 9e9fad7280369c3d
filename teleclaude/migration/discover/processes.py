"""Who still works on the old installation (facts: installation, services, process, sockets)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil

from teleclaude.daemon.boot import SINGLE_USER_SOCKET
from teleclaude.db.file_lock import hold_existing
from teleclaude.errors import LockHeldError, SourceError
from teleclaude.migration.discover.services import find_agents
from teleclaude.migration.source.files import open_source
from teleclaude.migration.source.inventory import Account, Activity, Places, SourceDatabase
from teleclaude.migration.source.privsep import Privsep
from teleclaude.platform.names import HERE, names_of

SOCKETS = (SINGLE_USER_SOCKET, Path("/tmp/teleclaude.sock"))  # noqa: S108 - both fixed by the single-user releases
SOCKET_SECONDS = 2.0

DAEMON = "teleclaude.daemon"
PROGRAMS = {DAEMON: "daemon", "teleclaude.cli.telec": "terminal interface"}
"""Modules that are run with `python -m`; every other module of the package is called a helper."""


def find_activities(
    privsep: Privsep, places: Places, databases: tuple[SourceDatabase, ...], account: Account | None
) -> tuple[Activity, ...]:
    """Return every evidence of somebody who works on the old installation, which `account` controls."""
    locks = (_held_lock(privsep, path, who, stop) for path, who, stop in _locks(places))
    found = (activity for activities in locks for activity in activities)
    return tuple([*found, *_listening(databases), *find_processes(places, databases), *find_agents(places, account)])


def stop_command(process: int | None = None) -> str:
    """Return how to stop the old daemon for good; its service manager would start it again."""
    names = names_of(HERE)
    stop = names.old.fill(names.commands.stop)
    return f"stop it: {stop}; if it was started by hand: {f'kill {process}' if process else 'end it there'}"


def _locks(places: Places) -> Iterator[tuple[Path, str, str]]:
    yield places.checkout / "teleclaude.pid", "daemon", ""
    yield places.state / "cron_runner.pid", "cron runner", "wait for its end, and keep cron from starting it again"


def _held_lock(privsep: Privsep, path: Path, who: str, stop: str) -> Iterator[Activity]:
    try:
        with hold_existing(path, opener=partial(open_source, privsep)):
            return
    except LockHeldError as held:
        # Not the process that the file names: its user writes there what he likes.
        process = f"process {held.process}" if held.process else "a process"
        yield Activity(f"the {who} is running: {process} holds {path}", stop or stop_command(held.process))
    except SourceError as error:
        yield Activity(error.message, error.hint)
    except OSError as error:
        yield Activity(f"{path} cannot be looked at: {error.strerror}", "see to its permissions")


def _listening(databases: tuple[SourceDatabase, ...]) -> Iterator[Activity]:
    """Look whether somebody answers on a fixed socket, if it belongs to the owner of this database."""
    for path in SOCKETS if databases else ():
        try:
            if path.stat().st_uid != databases[0].uid:
                continue
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(SOCKET_SECONDS)
                client.connect(str(path))
        except OSError:
            # Nobody is there, or only what a killed daemon left.
            continue
        yield Activity(f"a daemon answers on {path}", stop_command())


def find_processes(places: Places, databases: tuple[SourceDatabase, ...]) -> Iterator[Activity]:
    """Yield the processes that run the old program in this checkout, or hold one of its databases open."""
    files = {os.path.realpath(database.path) + suffix for database in databases for suffix in ("", "-wal", "-shm")}
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        try:
            command = process.cmdline()
            module = find_module(command)
            if module and _works_in(process, places.checkout, command):
                who = PROGRAMS.get(module, f"helper {module}")
                stop = stop_command(process.pid) if module == DAEMON else f"end it: kill {process.pid}"
                yield Activity(f"the {who} is running as process {process.pid}", stop)
            elif files and any(file.path in files for file in process.open_files()):
                yield Activity(
                    f"process {process.pid} ({process.name()}) holds the database open", f"end it: kill {process.pid}"
                )
        except (psutil.Error, OSError):
            # It ended meanwhile, or belongs to somebody else and cannot be looked at.
            continue


def find_module(command: list[str]) -> str | None:
    """Return the module of the old program that a command line runs: daemon, hook receiver, cron runner, interface."""
    return next((word for flag, word in pairwise(command) if flag == "-m" and word.startswith("teleclaude.")), None)


def _works_in(process: psutil.Process, checkout: Path, command: list[str]) -> bool:
    if any(str(checkout) in word for word in command):
        return True
    try:
        return os.path.realpath(process.cwd()) == os.path.realpath(checkout)
    except psutil.Error:
        return False
