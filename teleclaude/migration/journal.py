"""The journal of a run: what was begun and done, and how each step is taken back, on disk before the step begins.

One JSON object a line. It holds no secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teleclaude.config.files import sync_directory
from teleclaude.config.folders import find_open_door, opened_folder, sync_folder
from teleclaude.db.file_lock import hold_existing
from teleclaude.errors import PublishError

NAME = "journal.jsonl"

COMMIT = {"step": "transfer", "event": "commit"}
"""Written before the COMMIT is sent: without it nothing of the run is on the target."""

SETTLED = {"event": "settled"}
"""The last entry: the run is complete, or nothing of it is left."""


def write_entry(folder: Path, entry: dict[str, Any]) -> None:
    """Add an entry and wait until it is on disk."""
    path = folder / NAME
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps({"at": datetime.now(UTC).isoformat(), **entry}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def try_entry(folder: Path, entry: dict[str, Any]) -> None:
    """Add an entry if it can be done: nothing may keep an undo from going on."""
    with suppress(OSError):
        write_entry(folder, entry)


def write_private(path: Path, content: str) -> None:
    """Put a file in the folder of a run, complete or not at all, readable by its owner alone."""
    new = path.with_name(f".{path.name}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_directory(path.parent)


def read_journal(folder: Path) -> tuple[dict[str, Any], ...]:
    """Return the entries of a run, none where there is no journal; a line that a crash cut off is left out."""
    entries = []
    with suppress(OSError):
        for line in (folder / NAME).read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError):
                entries.append(json.loads(line))
    return tuple(entry for entry in entries if isinstance(entry, dict))


def find_entry(entries: tuple[dict[str, Any], ...], event: str) -> dict[str, Any] | None:
    """Return the last entry of a kind."""
    return next((entry for entry in reversed(entries) if entry.get("event") == event), None)


@contextmanager
def run_folder(folder: Path, new_directories: tuple[Path, ...], *, guarded: bool) -> Iterator[Path]:
    """Make the folder of the run, private, and sync its name; directories that stay empty go at the end.

    Until then no other run goes on beside it. Raises LockHeldError where one does, PublishError where the folder cannot
    be made, or where it is `guarded` and others than root can change it.
    """
    with ExitStack() as stack:
        stack.callback(remove_empty, new_directories)
        try:
            with opened_folder(folder.parent, make=True) as around:
                stack.enter_context(hold_existing(folder.parent, "migration"))
                # It stands where a run that was cut off is taken up again.
                with suppress(FileExistsError):
                    os.mkdir(folder.name, 0o700, dir_fd=around)
                sync_folder(around)
        except OSError as error:
            raise PublishError(f"{folder} cannot be made: {error.strerror}", "see to the place and run again") from None
        # Only now, for in a folder such as /tmp somebody else could have made it a moment ago.
        if guarded and (door := find_open_door(folder)) is not None:
            raise PublishError(
                f"a user without privileges can change {door}, so the folder of the run may not be there",
                "say --report-dir with a folder of root's",
            )
        yield folder


def remove_empty(directories: tuple[Path, ...]) -> None:
    """Remove those of our new directories that hold nothing, children first."""
    for directory in reversed(directories):
        # One that is not empty stays, and one that cannot be removed is no reason to fail.
        with suppress(OSError, PublishError), opened_folder(directory.parent) as folder:
            os.rmdir(directory.name, dir_fd=folder)
