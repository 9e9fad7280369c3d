"""What a run holds from its first step to its last: the source, the target, and a folder of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

from teleclaude.db.engine import disposing, explained, make_engine
from teleclaude.db.file_lock import hold_existing, lock_file
from teleclaude.db.lock import hold_database
from teleclaude.errors import LockHeldError
from teleclaude.migration.deputy import deputy_for
from teleclaude.migration.plan import Plan
from teleclaude.migration.reading import open_source

PREFIX = "teleclaude-migration-"
LOCK = "lock"

Check = Callable[[], Awaitable[None]]


@asynccontextmanager
async def holding(plan: Plan) -> AsyncIterator[Check]:
    """Keep every daemon and every other migration away from the source and the target; yield a check of that.

    Raises LockHeldError, SourceError or TargetError, and so does the check where the hold on the target is lost.
    """
    opener = partial(open_source, deputy_for(plan.account))
    async with AsyncExitStack() as stack:
        # A lock of the checkout itself keeps a second migration away, also where there is no pid file.
        stack.enter_context(hold_existing(plan.checkout.resolve(), "migration"))
        stack.enter_context(hold_existing(plan.checkout / "teleclaude.pid", opener=opener))
        if plan.url is None:
            yield _nothing_to_check
            return
        engine = await stack.enter_async_context(disposing(make_engine(plan.url)))
        with explained(plan.url):
            check = await stack.enter_async_context(hold_database(engine))
        yield check


async def _nothing_to_check() -> None:
    pass


@contextmanager
def private_folder() -> Iterator[Path]:
    """Make a folder that only we can read, and remove it at the end with everything in it.

    It is locked meanwhile; folders of runs that were killed are not, and are removed first.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        remove_dead(folder)
    folder, descriptor = _make_locked()
    try:
        yield folder
    finally:
        with suppress(OSError):
            _remove(folder)
        os.close(descriptor)


def _make_locked() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        # Until it is locked another run may take it for a dead one's, and remove it.
        with suppress(OSError, LockHeldError):
            descriptor = _lock(folder, os.O_CREAT | os.O_EXCL)
            if (folder / LOCK).exists():
                return folder, descriptor
            os.close(descriptor)


def remove_dead(folder: Path) -> None:
    """Remove the private folder of a run of ours that was killed; that of a living one stays, and so do others'."""
    with suppress(OSError, LockHeldError):
        descriptor = _lock(folder)
        try:
            if folder.lstat().st_uid == os.geteuid():
                _remove(folder)
        finally:
            os.close(descriptor)


def _remove(folder: Path) -> None:
    """Remove a private folder, its lock last: whoever is killed meanwhile leaves what the next run still knows."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name != LOCK:
            entry.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path, flags: int = 0) -> int:
    """Lock the file in the folder that says who lives there; raises OSError where there is none, LockHeldError."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    try:
        lock_file(descriptor, folder / LOCK, "migration")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
