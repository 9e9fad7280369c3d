"""Looks at files, folders and the room on the disks."""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
import sys
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

from teleclaude.checks.facts import DatabaseFacts, Disk, Kind, Layer, Libraries, PathFacts
from teleclaude.checks.problems import DATA_UNKNOWN, NOT_MEASURED
from teleclaude.config.files import read_yaml
from teleclaude.config.folders import find_unsafe_folder
from teleclaude.config.layers import find_doubles
from teleclaude.errors import ConfigError, Problem
from teleclaude.layout import Layout
from teleclaude.printable import printable

_KINDS = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFSOCK: Kind.SOCKET}


def look_at_path(path: Path, trusted: frozenset[int] | None = None) -> PathFacts:
    """Return what is at `path`, and the first folder on the way that anybody but the `trusted` can change."""
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return PathFacts(path, Kind.MISSING, makeable=_is_makeable(path))
    except OSError:
        return PathFacts(path, Kind.HIDDEN)
    return PathFacts(
        path,
        _KINDS.get(stat.S_IFMT(state.st_mode), Kind.OTHER),
        mode=stat.S_IMODE(state.st_mode),
        uid=state.st_uid,
        gid=state.st_gid,
        owner=_user_name(state.st_uid),
        group=_group_name(state.st_gid),
        readable=os.access(path, os.R_OK, effective_ids=_EFFECTIVE),
        writable=os.access(path, os.W_OK, effective_ids=_EFFECTIVE),
        unsafe=find_unsafe_folder(path, trusted) if trusted is not None else None,
    )


_EFFECTIVE = os.access in os.supports_effective_ids


def look_at_libraries() -> Libraries | None:
    """Return what is installed in the environment of this program, and what the lock that came with it names.

    Return None where the environment has no mark of bin/install-system.sh.
    """
    lock = Path(sys.prefix, "share/teleclaude/requirements-system.lock")
    if not Path(sys.prefix, "complete").is_file() or not lock.is_file():
        return None
    places = [sysconfig.get_path(kind) for kind in ("purelib", "platlib")]
    found = {re.sub(r"[-_.]+", "-", item.name).lower(): item.version for item in distributions(path=places)}
    found.pop("teleclaude", None)
    locked = re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.M)
    return Libraries(frozenset(map(" ".join, found.items())), frozenset(map(" ".join, locked)))


def look_at_layer(path: Path, trusted: frozenset[int] | None) -> Layer:
    """Return what a configuration file is, and whether it can be parsed where it can be read."""
    file = look_at_path(path, trusted)
    # Opening a pipe or a device could wait for ever.
    if file.kind is not Kind.FILE or not file.readable:
        return Layer(file)
    try:
        read_yaml(path)
    except ConfigError as error:
        return Layer(file, error.problem)
    return Layer(file)


def find_doubled(system: Layer, secrets: Layer) -> tuple[str, ...]:
    """Return the keys that stand in both files, none where one of them cannot be read."""
    if any(layer.problem or layer.file.kind is not Kind.FILE or not layer.file.readable for layer in (system, secrets)):
        return ()
    try:
        doubles = find_doubles(read_yaml(system.file.path), read_yaml(secrets.file.path))
        return tuple(sorted(printable(".".join(keys)) for keys in doubles))
    except ConfigError:
        return ()


def look_at_disks(layout: Layout, database: DatabaseFacts | Problem) -> dict[str, Disk | Problem]:
    """Return the room where the state is, and where the data of the database is if that is known and here."""
    data = None if isinstance(database, Problem) else database.data
    return {"state": _measure(layout.state), "data": DATA_UNKNOWN if data is None else _measure(data)}


def _measure(path: Path) -> Disk | Problem:
    try:
        state = os.statvfs(_find_existing(path))
    except OSError as error:
        return NOT_MEASURED.fill(path=path, reason=error.strerror)
    return Disk(path, state.f_bavail * state.f_frsize)


def _find_existing(path: Path) -> Path:
    """Return `path`, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists() or place == Path("/"))


def _is_makeable(path: Path) -> bool:
    try:
        return os.access(_find_existing(path), os.W_OK | os.X_OK, effective_ids=_EFFECTIVE)
    except OSError:
        return False


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
