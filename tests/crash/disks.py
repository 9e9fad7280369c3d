"""Disks that are full: small ones are mounted where files go, and filled but for a few pages."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.crash.machine import Migration, own_server
from tests.crash.matrix import Case, Ground, Outcome, Stage, judge, run_next, standing_ground
from tests.support.sample import files_below

PAGE = 4096
PAGES_LEFT = (0, 1, 2, 3, 4, 6, 8)
SERVER_BYTES_LEFT = (0, 64 * 1024, 1024 * 1024)


def can_mount() -> bool:
    """Whether this process may mount a disk."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder, suppress(subprocess.CalledProcessError, OSError), disk(Path(folder)):
        return True
    return False


@contextmanager
def disk(folder: Path, size: int = 1 << 20) -> Iterator[Path]:
    """Mount a disk in memory of so many bytes; anybody may write to it."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={size},mode=1777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, leave: int) -> Path:
    """Fill a disk but for `leave` bytes, and return the file that does."""
    filler = folder / "filler"
    free = os.statvfs(folder)
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        for _ in range((free.f_bavail * free.f_frsize - leave) // PAGE):
            file.write(bytes(PAGE))
    return filler


def fill_when(folder: Path, pattern: str) -> threading.Thread:
    """Fill a disk as soon as a name appears on it."""

    def watch() -> None:
        until = time.monotonic() + 60
        while not any(folder.glob(pattern)) and time.monotonic() < until:
            time.sleep(0.0005)
        fill(folder, 0)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def play_disks(only: str = "") -> Iterator[Outcome]:
    """Play a full disk for the copy, for the folder of the run, for the published files and for the server."""
    if only and "disk" not in only:
        return
    with standing_ground() as ground:
        yield play_full(ground, "disk full: private copy", "tmp", None)
        for pages in PAGES_LEFT:
            yield play_full(ground, "disk full: journal, ledger, report", "runs", pages)
            yield play_full(ground, "disk full: configuration", "system/etc", pages)
            yield play_full(ground, "disk full: snippets", "system/usr/local/share", pages)
    with tempfile.TemporaryDirectory(prefix="teleclaude-disk-", dir="/tmp") as folder, disk(Path(folder), 160 << 20):
        Path(folder).chmod(0o755)
        with own_server(Path(folder)) as server, standing_ground(server=server) as ground:
            for left in SERVER_BYTES_LEFT:
                yield play_full_server(ground, Path(folder), left)


def play_full(ground: Ground, fault: str, place: str, pages: int | None) -> Outcome:
    """Play a disk with so many pages left; None fills it when the private folder appears."""
    stage = Stage(ground)
    if place == "runs":
        stage.use_report_dir(stage.root / place)
    case = Case(fault, ("pages left", str(pages)) if pages is not None else ("as", "it is copied"))
    try:
        with disk(stage.root / place) as folder:
            filler = folder / "filler"
            if pages is None:
                fill_when(folder, "teleclaude-migration-*")
            else:
                fill(folder, pages * PAGE)
            return settle(ground, stage, case, stage.job.begin(), lambda: filler.unlink(missing_ok=True))
    finally:
        stage.close()


def play_full_server(ground: Ground, folder: Path, left: int) -> Outcome:
    """Play a server whose disk is full from the first step on."""
    stage = Stage(ground)
    case = Case("disk full: server", ("KiB left", str(left // 1024)))

    def make_room() -> None:
        (folder / "filler").unlink(missing_ok=True)
        if not ground.server.is_running():
            ground.server.start()

    try:
        migration = stage.job.begin()
        migration.reached(("begin", "transfer"))
        fill(folder, left)
        return settle(ground, stage, case, migration, make_room)
    finally:
        make_room()
        stage.close()


def settle(ground: Ground, stage: Stage, case: Case, migration: Migration, make_room: Callable[[], None]) -> Outcome:
    """Wait for the migration's end, make room, look, and run again."""
    code = migration.wait()
    make_room()
    target = stage.look()
    wrong = list(judge(stage, case, code, target))
    next_run, more = run_next(stage, case, code, target)
    if files_below(ground.folder / "old") != ground.before:
        more.append("the old installation changed")
    wrong += more
    return Outcome(case, "", code, target, next_run, tuple(wrong), migration.said if wrong else "")
