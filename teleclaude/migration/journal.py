"""The journal of a run: what was begun and done, and how each step is taken back, on disk before the step begins.

One JSON object a line. It holds no secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teleclaude.config.files import sync_directory
from teleclaude.config.folders import opened_folder
from teleclaude.errors import PublishError

NAME = "journal.jsonl"


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


@contextmanager
def run_folder(folder: Path, new_directories: tuple[Path, ...]) -> Iterator[Path]:
    """Make the folder of the run, private, and sync its name; directories that stay empty go at the end.

    Raises PublishError where it cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        sync_directory(folder.parent)
    except OSError as error:
        raise PublishError(f"{folder} cannot be made: {error.strerror}", "see to the place and run again") from None
    try:
        yield folder
    finally:
        remove_empty(new_directories)


def remove_empty(directories: tuple[Path, ...]) -> None:
    """Remove those of our new directories that hold nothing, children first."""
    for directory in reversed(directories):
        # One that is not empty stays, and one that cannot be removed is no reason to fail.
        with suppress(OSError, PublishError), opened_folder(directory.parent) as folder:
            os.rmdir(directory.name, dir_fd=folder)
