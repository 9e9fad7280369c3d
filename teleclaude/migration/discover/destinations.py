"""What stands where the new installation is to be, and who else could put something there."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from pathlib import Path

from teleclaude.config.folders import find_unsafe_folder, opened_folder
from teleclaude.layout import Layout
from teleclaude.migration.source.inventory import Destinations
from teleclaude.migration.source.privsep import Privsep


def find_destinations(layout: Layout, user_file: Path, report_dir: Path | None, writer: Privsep) -> Destinations:
    """Return what stands there; `writer` is who will write the user's file.

    Raises PublishError where the way there is one that will not be gone.
    """
    system = (layout.system_config, layout.secrets, layout.docs)
    reports = report_dir.absolute() if report_dir else layout.migrations
    folders = (layout.docs, *(path.parent for path in system), reports)
    guarded = layout.root is None and os.geteuid() == 0
    for folder in folders:
        with suppress(FileNotFoundError, NotADirectoryError, PermissionError), opened_folder(folder):
            pass
    closed = {*not_writable([str(folder) for folder in folders])}
    closed |= {*writer.call(not_writable, [str(user_file.parent)])}
    return Destinations(
        existing=frozenset(path for path in (*system, user_file) if is_taken(path)),
        new_directories=missing_directories((*folders, user_file.parent)),
        not_writable=tuple(sorted(map(Path, closed))),
        unsafe_folders=find_unsafe_folders(layout) if guarded else (),
        unsafe_run_folder=find_unsafe_folder(reports) if guarded else None,
        service_user_exists=find_user(layout.service_user) is not None,
    )


def find_unsafe_folders(layout: Layout) -> tuple[Path, ...]:
    """Return the folders on the way to the system's files that others than root can change, the service user too."""
    places = (layout.system_config.parent, layout.secrets.parent, layout.docs.parent)
    doors = (find_unsafe_folder(place) for place in places)
    return tuple(sorted({door for door in doors if door is not None}))


def find_user(name: str) -> int | None:
    """Return the user id of an account, None where there is none."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def is_taken(path: Path) -> bool:
    """Whether something stands at `path`; an empty directory is no obstacle."""
    if path.is_dir() and not path.is_symlink():
        return any(path.iterdir())
    return os.path.lexists(path)


def missing_directories(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the directories that have to be made for `paths`, parents first."""
    needed = {parent for path in paths for parent in (path, *path.parents) if not parent.exists()}
    return tuple(sorted(needed, key=lambda path: (len(path.parts), path)))


def not_writable(folders: list[str]) -> list[str]:
    """Return those that this process cannot write to, or whose parent it cannot make them in."""
    paths = [Path(folder) for folder in folders]
    standing = {path: next(parent for parent in (path, *path.parents) if parent.exists()) for path in paths}
    return sorted({str(path) for path, place in standing.items() if not os.access(place, os.W_OK | os.X_OK)})
