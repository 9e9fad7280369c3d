"""Events that the daemon has not taken, kept in a folder of the user's own: a file each, complete or not there.

Writing needs no lock, sending in order does. What is lost is counted: an event that is dropped adds a byte to the file
`dropped`, and one that the daemon refuses for good a byte to `refused`, because appending needs no lock either.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import time
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Send = Callable[[bytes], int | None]
    # Sends an event and returns the status of the answer, None without an answer.

MOST_EVENTS = 1000
MOST_BYTES = 10_000_000

_LOCK_SECONDS = 0.02
"""How long the lock is waited for: another call that sends is quick, or does not get an answer."""

_STALE_SECONDS = 60
"""A file that was begun so long ago will not be completed: its writer was killed."""

_REFUSED = (400, 403, 404, 413)
"""Statuses that the same event will be answered with whenever it is sent."""

_BUSY = (429, 502, 503, 504)
"""Statuses with which the daemon answers every event for now."""

_BEGUN, _COMPLETE = ".begun", ".json"


def find_spool(environ: Mapping[str, str]) -> str:
    """Return the folder: below XDG_STATE_HOME, else where the system keeps what a program knows of its user."""
    home = os.path.expanduser("~")
    usual = f"{home}/Library/Application Support" if sys.platform == "darwin" else f"{home}/.local/state"
    state = environ.get("XDG_STATE_HOME", "")
    return f"{state if state.startswith('/') else usual}/teleclaude/hooks"


def keep(folder: str, event: bytes) -> None:
    """Keep an event, on disk, and drop the oldest beyond the limits; raises OSError."""
    _make(folder)
    _make_room(folder, len(event))
    name = f"{folder}/{time.time_ns():020}-{os.urandom(4).hex()}"
    file = os.open(f"{name}{_BEGUN}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(event)
            opened.flush()
            os.fsync(file)
        os.rename(f"{name}{_BEGUN}", f"{name}{_COMPLETE}")
    except OSError:
        os.unlink(f"{name}{_BEGUN}")
        raise
    _sync(folder)


def send_waiting(folder: str, send: Send) -> bool:
    """Send what waits, the oldest first, until an event gets no answer; return whether another one may be sent now."""
    if not find_waiting(folder):
        return True
    with _locked(folder) as held:
        # Another call may have sent some of them in the meantime.
        for name in find_waiting(folder) if held else ():
            with open(f"{folder}/{name}", "rb") as file:
                status = send(file.read())
            if status is None or status in _BUSY:
                return False
            if is_settled(folder, status):
                os.unlink(f"{folder}/{name}")
    return held


def is_settled(folder: str, status: int | None) -> bool:
    """Whether an event needs not be sent again, by its answer; one that is refused for good is counted."""
    if status in _REFUSED:
        _make(folder)
        _count(folder, "refused")
        return True
    return status is not None and 200 <= status < 300


def find_waiting(folder: str) -> list[str]:
    """Return the names of the events that wait, the oldest first; none where the folder cannot be read."""
    with suppress(OSError):
        return sorted(name for name in os.listdir(folder) if name.endswith(_COMPLETE))
    return []


def read_counts(folder: str) -> dict[str, int]:
    """Return how many events were dropped and refused so far."""
    counts = dict.fromkeys(("dropped", "refused"), 0)
    for name in counts:
        with suppress(FileNotFoundError):
            counts[name] = os.stat(f"{folder}/{name}").st_size
    return counts


def _make(folder: str) -> None:
    """Make the folder where it is not there; raises OSError where it is not ours."""
    with suppress(FileNotFoundError):
        if not _is_ours(os.lstat(folder)):
            raise PermissionError(folder)
        return
    parent = os.path.dirname(folder)
    # Root with the home of somebody else makes nothing there that its owner could not change.
    if not os.path.lexists(parent):
        _make(parent)
    elif os.stat(parent).st_uid != os.geteuid():
        raise PermissionError(parent)
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)


def _is_ours(found: os.stat_result) -> bool:
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _make_room(folder: str, size: int) -> None:
    """Drop the oldest events until one more of this size is within the limits, and what was begun and never ended."""
    sizes: dict[str, int] = {}
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            found = entry.stat(follow_symlinks=False)
            if entry.name.endswith(_COMPLETE):
                sizes[entry.name] = found.st_size
            elif entry.name.endswith(_BEGUN) and found.st_mtime < time.time() - _STALE_SECONDS:
                os.unlink(entry.path)
    for name in sorted(sizes):
        if len(sizes) < MOST_EVENTS and sum(sizes.values()) + size <= MOST_BYTES:
            break
        del sizes[name]
        # Where another call dropped it, that one has counted it.
        with suppress(FileNotFoundError):
            os.unlink(f"{folder}/{name}")
            _count(folder, "dropped")


def _count(folder: str, name: str) -> None:
    file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.write(file, b".")
    os.close(file)


def _sync(folder: str) -> None:
    """Let the names in a folder survive a loss of power."""
    opened = os.open(folder, os.O_RDONLY)
    os.fsync(opened)
    os.close(opened)


@contextmanager
def _locked(folder: str) -> Iterator[bool]:
    """Hold the lock of the spool, if it is free in time; yields whether it is held."""
    file = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + _LOCK_SECONDS
    try:
        while not (held := _try_lock(file)) and time.monotonic() < deadline:
            time.sleep(_LOCK_SECONDS / 10)
        yield held
    finally:
        os.close(file)


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
