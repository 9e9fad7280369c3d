"""Who still works on the old installation (facts: installation, services, process, sockets)."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil

from teleclaude.daemon.boot import SINGLE_USER_SOCKET
from teleclaude.db.lock import hold_existing
from teleclaude.errors import LockHeldError, SourceError
from teleclaude.layout import OLD_UNIT
from teleclaude.migration.deputy import Deputy
from teleclaude.migration.detect.installation import Places
from teleclaude.migration.inventory import Holder, SourceDatabase
from teleclaude.migration.reading import open_source, read_file

DAEMON_MODULE = "teleclaude.daemon"
SOCKET_SECONDS = 2.0
PID_LIMIT = 1 << 20


def find_holders(deputy: Deputy, places: Places, database: SourceDatabase | None) -> tuple[Holder, ...]:
    """Return every evidence of a process that works on the old installation."""
    return tuple([*_held_lock(deputy, places), *_listening(database), *_processes(places, database)])


def stop_command() -> str:
    """Return how to stop the old daemon for good; its service manager would start it again."""
    unit = OLD_UNIT.get(sys.platform, OLD_UNIT["linux"])
    if sys.platform == "darwin":
        return f"stop it: launchctl bootout gui/$(id -u)/{unit}"
    return f"stop it: sudo systemctl stop {unit}"


def _held_lock(deputy: Deputy, places: Places) -> Iterator[Holder]:
    pid_file = places.checkout / "teleclaude.pid"
    try:
        with hold_existing(pid_file, opener=partial(open_source, deputy)):
            return
    except LockHeldError:
        pid = read_file(deputy, pid_file, PID_LIMIT).decode(errors="replace").strip()[:20]
        yield Holder(f"the daemon is running: process {pid} holds {pid_file}", stop_command())
    except SourceError as error:
        yield Holder(error.message, error.hint)


def _listening(database: SourceDatabase | None) -> Iterator[Holder]:
    """Look whether somebody answers on the fixed socket, if it belongs to the owner of this database."""
    try:
        if database is None or SINGLE_USER_SOCKET.stat().st_uid != database.uid:
            return
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(SOCKET_SECONDS)
            client.connect(str(SINGLE_USER_SOCKET))
    except OSError:
        # Nobody is there, or only what a killed daemon left.
        return
    yield Holder(f"a daemon answers on {SINGLE_USER_SOCKET}", stop_command())


def _processes(places: Places, database: SourceDatabase | None) -> Iterator[Holder]:
    files = {os.path.realpath(database.path) + suffix for suffix in ("", "-wal", "-shm")} if database else set()
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    for process in psutil.process_iter():
        if process.pid in ours:
            continue
        try:
            command = process.cmdline()
            if DAEMON_MODULE in command and _works_in(process, places.checkout, command):
                yield Holder(f"the daemon is running as process {process.pid}", stop_command())
            elif files and any(file.path in files for file in process.open_files()):
                yield Holder(
                    f"process {process.pid} ({process.name()}) holds the database open", f"end it: kill {process.pid}"
                )
        except (psutil.Error, OSError):
            # It ended meanwhile, or belongs to somebody else and cannot be looked at.
            continue


def _works_in(process: psutil.Process, checkout: Path, command: list[str]) -> bool:
    try:
        return os.path.realpath(process.cwd()) == os.path.realpath(checkout)
    except psutil.Error:
        return any(str(checkout) in word for word in command)
