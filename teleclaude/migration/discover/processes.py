"""Processes that work on the old installation (facts: installation, services, process, sockets)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil

from teleclaude.daemon.boot import SINGLE_USER_SOCKET
from teleclaude.db.file_lock import hold_existing
from teleclaude.errors import LockHeldError, Problem, SourceError
from teleclaude.migration.discover import problems
from teleclaude.migration.discover.services import find_agents
from teleclaude.migration.source.files import open_source
from teleclaude.migration.source.installation import Account, Places, SourceDatabase
from teleclaude.migration.source.inventory import Activity
from teleclaude.migration.source.privsep import Privsep
from teleclaude.platform.names import HERE, names_of

SOCKETS = (SINGLE_USER_SOCKET, Path("/tmp/teleclaude.sock"))  # noqa: S108 - both fixed by the single-user releases
_SOCKET_SECONDS = 2.0

_DAEMON = "teleclaude.daemon"
_PROGRAMS = {_DAEMON: "daemon", "teleclaude.cli.telec": "terminal interface"}
"""Modules that `python -m` runs; every other module of the package is called a helper."""


def find_activities(
    privsep: Privsep, places: Places, databases: tuple[SourceDatabase, ...], account: Account | None
) -> tuple[Activity, ...]:
    """Return everything that works on the old installation, which `account` controls."""
    return (
        *_held_lock(privsep, places.checkout / "teleclaude.pid", problems.DAEMON_LOCK_HELD),
        *_held_lock(privsep, places.state / "cron_runner.pid", problems.CRON_LOCK_HELD),
        *_listening(databases),
        *find_processes(places, databases),
        *find_agents(places, account),
    )


def _stop_command(process: int | None = None) -> str:
    """Return how to stop the old daemon for good: through its service manager, which restarts a killed one."""
    names = names_of(HERE)
    stop = names.old.fill(names.commands.stop)
    return f"stop it: {stop}; if it was started by hand: {f'kill {process}' if process else 'end it there'}"


def _held_lock(privsep: Privsep, path: Path, problem: Problem) -> Iterator[Activity]:
    try:
        with hold_existing(path, opener=partial(open_source, privsep)):
            return
    except LockHeldError as held:
        # The kernel names the process; its user can write anything into the file.
        process = held.process or "of another user"
        yield Activity(problem.fill(process=process, path=path, stop=_stop_command(held.process)))
    except SourceError as error:
        yield Activity(error.problem)
    except OSError as error:
        yield Activity(problems.UNREADABLE.fill(path=path, reason=error.strerror))


def _listening(databases: tuple[SourceDatabase, ...]) -> Iterator[Activity]:
    """Yield the daemon that answers on a fixed socket, if the socket belongs to the owner of this database."""
    for path in SOCKETS if databases else ():
        try:
            if path.stat().st_uid != databases[0].uid:
                continue
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(_SOCKET_SECONDS)
                client.connect(str(path))
        except OSError:
            # There is no socket, or a killed daemon left it.
            continue
        yield Activity(problems.DAEMON_ANSWERS.fill(path=path, stop=_stop_command()))


def find_processes(places: Places, databases: tuple[SourceDatabase, ...]) -> Iterator[Activity]:
    """Yield the processes that run the old program in this checkout, or hold one of its databases open."""
    files = {f"{database.real.path}{suffix}" for database in databases for suffix in ("", "-wal", "-shm")}
    identities = {database.names.identity for database in databases}
    try:
        ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    except (psutil.Error, OSError):
        # Where this process itself cannot be seen, no other can.
        yield Activity(problems.PROCESSES_HIDDEN)
        return
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        try:
            command = process.cmdline()
            module = _find_module(command)
            if module and _works_in(process, places.checkout, command):
                program = _PROGRAMS.get(module, f"helper {module}")
                stop = _stop_command(process.pid) if module == _DAEMON else f"end it: kill {process.pid}"
                yield Activity(problems.PROGRAM_RUNS.fill(program=program, process=process.pid, stop=stop))
            elif files and (_identities(process) & identities or _paths(process) & files):
                yield Activity(problems.DATABASE_OPEN.fill(process=process.pid, name=process.name()))
        except (psutil.Error, OSError):
            # It has ended, or belongs to another user and cannot be looked at.
            continue


def _identities(process: psutil.Process) -> set[tuple[int, int]]:
    """Return device and inode of what a process has open, since another mount or link gives a file another path.

    They are empty on macOS, which has no /proc.
    """
    folder, found = Path(getattr(psutil, "PROCFS_PATH", "/proc"), str(process.pid), "fd"), set()
    with suppress(FileNotFoundError):
        for entry in folder.iterdir():
            with suppress(FileNotFoundError):
                state = entry.stat()
                found.add((state.st_dev, state.st_ino))
    return found


def _paths(process: psutil.Process) -> set[str]:
    return {file.path for file in process.open_files()}


def _find_module(command: list[str]) -> str | None:
    """Return the module of the old program that a command line runs, None where it runs none."""
    return next((word for flag, word in pairwise(command) if flag == "-m" and word.startswith("teleclaude.")), None)


def _works_in(process: psutil.Process, checkout: Path, command: list[str]) -> bool:
    if any(str(checkout) in word for word in command):
        return True
    try:
        return os.path.realpath(process.cwd()) == os.path.realpath(checkout)
    except psutil.Error:
        return False
