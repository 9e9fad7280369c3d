"""Locks on files, by flock(2): the system releases them when the process ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from teleclaude.db import problems
from teleclaude.errors import LockHeldError


@contextmanager
def hold_pid_file(path: Path) -> Iterator[None]:
    """Hold the pid file as the daemon does: create it, lock it, write our pid, remove it at the end.

    Raises LockHeldError where another process holds it.
    """
    with path.open("a+") as file:
        lock_file(file.fileno(), path)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _open_existing(path: Path) -> int:
    """Open a file to hold it; raises OSError."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


@contextmanager
def hold_existing(
    path: Path, holder: str = "daemon", *, opener: Callable[[Path], int] = _open_existing
) -> Iterator[None]:
    """Hold a file or a directory, if it exists; not a byte is written.

    Raises LockHeldError where another process holds it; the message calls that process a `holder`. Raises what the
    `opener` raises.
    """
    try:
        descriptor = opener(path)
    except FileNotFoundError:
        yield
        return
    try:
        lock_file(descriptor, path, holder)
        yield
    finally:
        os.close(descriptor)


def lock_file(descriptor: int, path: Path, holder: str = "daemon") -> None:
    """Lock an open file until it is closed; raises LockHeldError where another process, a `holder`, has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        pid = _find_holder(descriptor)
        problem = problems.FILE_HELD_BY if pid else problems.FILE_HELD
        raise LockHeldError(problem.fill(holder=holder, path=path, process=pid), process=pid) from error


def _find_holder(descriptor: int) -> int | None:
    """Return the process that locks an open file, None where it is not known; Linux tells it (proc(5), /proc/locks)."""
    inode = str(os.fstat(descriptor).st_ino)
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            words = line.split()
            # 1: FLOCK ADVISORY WRITE 4711 fe:00:1234 0 EOF
            if words[1] == "FLOCK" and words[5].rpartition(":")[2] == inode:
                return int(words[4])
    return None
