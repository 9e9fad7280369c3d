"""The folders of a run: its own, which stays, and the private one, which is removed at the end."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from teleclaude.config.folders import find_unsafe_folder, opened_folder, sync_folder
from teleclaude.db.file_lock import hold_existing, lock_file
from teleclaude.errors import LockHeldError, PublishError
from teleclaude.migration.plan.problems import UNSAFE_RUN_FOLDER
from teleclaude.migration.plan.rollback import COMMAND_FILES
from teleclaude.migration.state.journal import naming
from teleclaude.migration.state.problems import FOLDER_FAILED, UNSAFE_TEMPORARY

_PREFIX = "teleclaude-migration-"
_LOCK = "lock"


@contextmanager
def run_folder(folder: Path, new_directories: tuple[Path, ...], *, guarded: bool) -> Iterator[Path]:
    """Make the folder of the run, private, and sync its name; new directories that stay empty are removed at the end.

    Until then no other run goes on beside it. Raises LockHeldError where one does, PublishError where the folder cannot
    be made, or where it is `guarded` and others than root can change it.
    """
    with ExitStack() as stack:
        stack.callback(remove_empty, new_directories)
        try:
            with opened_folder(folder.parent, make=True) as around:
                stack.enter_context(hold_existing(folder.parent, "migration"))
                # It exists where a run that was cut off is taken up again.
                with suppress(FileExistsError):
                    os.mkdir(folder.name, 0o700, dir_fd=around)
                sync_folder(around)
        except OSError as error:
            raise PublishError(FOLDER_FAILED.fill(folder=folder, reason=error.strerror)) from None
        # Only now: in a folder such as /tmp somebody else could have made it a moment ago.
        if guarded and (unsafe := find_unsafe_folder(folder)) is not None:
            raise PublishError(UNSAFE_RUN_FOLDER.fill(path=unsafe))
        yield folder


def remove_empty(directories: tuple[Path, ...]) -> None:
    """Remove those of our new directories that hold nothing, children first."""
    for directory in reversed(directories):
        # One that is not empty stays, and one that cannot be removed is no reason to fail.
        with suppress(OSError, PublishError), opened_folder(directory.parent) as folder:
            os.rmdir(directory.name, dir_fd=folder)


def remove_commands(folder: Path) -> None:
    """Remove what somebody could run from the folder of a run of which nothing is left."""
    for name in COMMAND_FILES:
        # One that cannot be removed changes nothing: each command looks for its run first.
        with suppress(OSError):
            (folder / name).unlink()


def write_private(path: Path, content: str) -> None:
    """Put a file in the folder of a run, whole or not at all; only its owner can read it."""
    new = path.with_name(f".{path.name}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with naming(path), os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    with opened_folder(path.parent) as around:
        sync_folder(around)


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only we can read, and remove it at the end with everything in it.

    It is locked meanwhile. Folders of runs that were killed are not locked, and are removed first. Raises PublishError
    where the process is root and others can change the way to it: they could put another folder in its place.
    """
    place = Path(tempfile.gettempdir())
    if os.geteuid() == 0 and (unsafe := find_unsafe_folder(place)) is not None:
        raise PublishError(UNSAFE_TEMPORARY.fill(path=unsafe))
    for folder in place.glob(f"{_PREFIX}*"):
        remove_killed(folder)
    folder, descriptor = _make_locked()
    try:
        yield folder
    finally:
        with suppress(OSError):
            _remove(folder)
        os.close(descriptor)


def _make_locked() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Until it is locked another run may take it for that of a killed run, and remove it.
        with suppress(OSError, LockHeldError):
            descriptor = _lock(folder, os.O_CREAT | os.O_EXCL)
            if (folder / _LOCK).exists():
                return folder, descriptor
            os.close(descriptor)


def remove_killed(folder: Path) -> None:
    """Remove the private folder of a killed run, if it is ours; that of a living run or of another user stays."""
    with suppress(OSError, LockHeldError):
        descriptor = _lock(folder)
        try:
            _remove(folder)
        finally:
            os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove a private folder, its lock last: what a killed run leaves is still known by it."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != _LOCK:
            entry.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path, flags: int = 0) -> int:
    """Lock the lock file in a folder of ours; raises OSError where there is none, LockHeldError."""
    around = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(around).st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(folder))
        opening = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags
        descriptor = os.open(_LOCK, opening, 0o600, dir_fd=around)
    finally:
        os.close(around)
    try:
        lock_file(descriptor, folder / _LOCK, "migration")
    except LockHeldError:
        os.close(descriptor)
        raise
    return descriptor
