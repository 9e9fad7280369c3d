"""Processes that work on the old installation (facts: installation, services, process, sockets)."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, Iterator
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
from teleclaude.migration.source.unprivileged import identify
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
        *find_processes(privsep, places, databases),
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


def find_processes(privsep: Privsep, places: Places, databases: tuple[SourceDatabase, ...]) -> Iterator[Activity]:
    """Yield the processes that run the old program in this checkout, or hold one of its databases open."""
    beside = [f"{database.real.path}{suffix}" for database in databases for suffix in ("", "-wal", "-shm")]
    # Another machine's file system may show root nothing of them.
    files = _ask(privsep, beside) | {each.names.identity for each in databases}
    checkouts = _ask(privsep, [str(places.checkout)])
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
            if module and _works_in(process, places.checkout, checkouts, command):
                program = _PROGRAMS.get(module, f"helper {module}")
                stop = _stop_command(process.pid) if module == _DAEMON else f"end it: kill {process.pid}"
                yield Activity(problems.PROGRAM_RUNS.fill(program=program, process=process.pid, stop=stop))
            elif files and _holds(process, files):
                yield Activity(problems.DATABASE_OPEN.fill(process=process.pid, name=process.name()))
        except (psutil.Error, OSError):
            # It has ended, or belongs to another user and cannot be looked at.
            continue


_Identity = tuple[int, int]
"""Device and inode: another mount, link or container gives a file another path, or another file the same path."""


def _ask(privsep: Privsep, paths: list[str]) -> frozenset[_Identity]:
    return frozenset((device, inode) for device, inode in privsep.call(identify, paths))


def _identify(path: Path) -> _Identity:
    state = path.stat()
    return state.st_dev, state.st_ino


def _identify_visible(paths: Iterable[Path]) -> Iterator[_Identity]:
    for path in paths:
        # A file that is gone, or on a file system that only its user may look at, hides no other.
        with suppress(OSError):
            yield _identify(path)


def _proc(process: psutil.Process) -> Path:
    return Path(getattr(psutil, "PROCFS_PATH", "/proc"), str(process.pid))


def _holds(process: psutil.Process, files: frozenset[_Identity]) -> bool:
    """Whether a process has one of these files open or mapped; macOS, which has no /proc, tells paths of open ones."""
    if sys.platform == "darwin":
        return bool(files.intersection(_identify_visible(Path(file.path) for file in process.open_files())))
    # Both end with the process.
    with suppress(FileNotFoundError):
        opened = (_proc(process) / "fd").iterdir()
        return bool(files.intersection(_identify_visible(opened))) or _maps(_proc(process) / "maps", files)
    return False


def _maps(maps: Path, files: frozenset[_Identity]) -> bool:
    """Whether a file is mapped, which may be closed then (proc(5); btrfs shows another device there)."""
    known = {f"{os.major(device):02x}:{os.minor(device):02x} {inode}" for device, inode in files}
    lines = maps.read_text(errors="replace").splitlines()
    return any(" ".join(line.split(maxsplit=5)[3:5]) in known for line in lines)


def _find_module(command: list[str]) -> str | None:
    """Return the module of the old program that a command line runs, None where it runs none."""
    return next((word for flag, word in pairwise(command) if flag == "-m" and word.startswith("teleclaude.")), None)


def _works_in(process: psutil.Process, checkout: Path, checkouts: frozenset[_Identity], command: list[str]) -> bool:
    named = any(str(checkout) in word for word in command)
    if sys.platform == "darwin":
        return named or os.path.realpath(process.cwd()) == os.path.realpath(checkout)
    try:
        # In a container the same path may be another folder.
        place = _proc(process) / (f"root{checkout}" if named else "cwd")
        return _identify(place) in checkouts
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # Of a process of another user only the command line is known.
        return named
