"""Detection: looks at the old installation and at the target, copies what will be read, decides nothing."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL

from teleclaude.errors import TeleClaudeError
from teleclaude.layout import Layout, make_layout, user_config
from teleclaude.migration.detect.database import find_database, find_events, find_odd_events
from teleclaude.migration.detect.docs import find_docs
from teleclaude.migration.detect.holders import find_holders
from teleclaude.migration.detect.installation import (
    check_config,
    copy_config,
    find_places,
    list_files,
    read_people,
    read_zone,
)
from teleclaude.migration.detect.target import choose_target, look_at_target
from teleclaude.migration.inventory import Destinations, DocFile, Inventory, Person, TargetState
from teleclaude.migration.options import Options
from teleclaude.migration.report import Finding, error

T = TypeVar("T")


@dataclass
class Attempts:
    """Looks at one thing after the other, and remembers what could not be looked at."""

    troubles: list[Finding] = field(default_factory=list)

    def look(self, subject: str, look: Callable[[], T], otherwise: T) -> T:
        """Return what `look` sees; where it cannot, note the trouble and return `otherwise`."""
        try:
            return look()
        except TeleClaudeError as trouble:
            self.troubles.append(error(subject, trouble.message, trouble.hint))
        except OSError as trouble:
            reason = f"{trouble.filename} cannot be looked at: {trouble.strerror}"
            self.troubles.append(error(subject, reason, "see to its permissions"))
        return otherwise


NOBODY: tuple[Person, ...] = ()
NO_DOCS: tuple[tuple[DocFile, ...], tuple[tuple[str, str], ...]] = ((), ())


async def detect(options: Options, run: str, private: Path, environ: Mapping[str, str]) -> Inventory:
    """Return everything that can be seen; what cannot be looked at becomes a trouble of the inventory."""
    attempts = Attempts()
    look = attempts.look
    places = find_places(options, environ)
    layout = make_layout(sys.platform, options.root, environ)
    look("configuration", lambda: check_config(places), None)
    config_files = look("configuration", lambda: copy_config(places, private), None)
    database = look("source", lambda: find_database(places, config_files, private), None)
    events = look("source", lambda: find_events(places, private), None)
    attempts.troubles.extend(look("source", lambda: find_odd_events(places), ()))
    databases = tuple(found for found in (database, events) if found is not None)
    database_uid = database.path.stat().st_uid if database else None
    sudo_uid = int(environ["SUDO_UID"]) if environ.get("SUDO_UID", "").isdigit() else None
    docs, docs_left = look("docs", lambda: find_docs(places), NO_DOCS)
    url = look("target", lambda: choose_target(options, environ), None)
    user_file = user_config(places.home, options.root, environ)
    return Inventory(
        run=run,
        started_at=datetime.now(UTC).isoformat(),
        platform=sys.platform,
        private=private,
        home=places.home,
        checkout=places.checkout,
        is_root=os.geteuid() == 0,
        layout=layout,
        user_config=user_file,
        user_name=user_name(options.uid or sudo_uid or database_uid),
        sudo_uid=sudo_uid,
        database_uid=database_uid,
        database=database,
        events=events,
        files=look("source", lambda: list_files(places, databases, docs), ()),
        config_files=config_files,
        people=look("configuration", lambda: read_people(config_files), NOBODY),
        timezone=look("configuration", lambda: read_zone(config_files, places), None),
        docs=docs,
        docs_left=docs_left,
        home_entries=look("source", lambda: list_entries(places.state), ()),
        holders=find_holders(places, database),
        url=url,
        target=await _look_at(url, attempts) if url is not None else None,
        destinations=find_destinations(layout, user_file, options.report_dir),
        troubles=tuple(attempts.troubles),
    )


async def _look_at(url: URL, attempts: Attempts) -> TargetState | None:
    try:
        return await look_at_target(url)
    except TeleClaudeError as trouble:
        attempts.troubles.append(error("target", trouble.message, trouble.hint))
        return None


def find_destinations(layout: Layout, user_file: Path, report_dir: Path | None) -> Destinations:
    """Return what stands where the new installation is to be."""
    published = (layout.system_config, layout.secrets, user_file, layout.docs)
    folders = (
        layout.docs,
        *(path.parent for path in published),
        report_dir.absolute() if report_dir else layout.migrations,
    )
    return Destinations(
        existing=frozenset(path for path in published if is_taken(path)),
        new_directories=missing_directories(folders),
        not_writable=not_writable(folders),
        service_user_exists=has_user(layout),
    )


def list_entries(folder: Path) -> tuple[str, ...]:
    """Return the names in a folder, none where there is no folder."""
    return tuple(sorted(entry.name for entry in folder.iterdir())) if folder.is_dir() else ()


def user_name(uid: int | None) -> str | None:
    """Return the name of the account with `uid`, None where this machine does not know it."""
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else None
    except KeyError:
        return None


def has_user(layout: Layout) -> bool:
    """Whether the service user has an account."""
    try:
        pwd.getpwnam(layout.service_user)
    except KeyError:
        return False
    return True


def is_taken(path: Path) -> bool:
    """Whether something stands at `path`; an empty directory is no obstacle."""
    if path.is_dir() and not path.is_symlink():
        return any(path.iterdir())
    return os.path.lexists(path)


def missing_directories(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return the directories that have to be made for `paths`, parents first."""
    needed = {parent for path in paths for parent in (path, *path.parents) if not parent.exists()}
    return tuple(sorted(needed, key=lambda path: (len(path.parts), path)))


def not_writable(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Return those of `paths` that this process cannot write to, or whose parent it cannot make them in."""
    standing = {path: next(parent for parent in (path, *path.parents) if parent.exists()) for path in paths}
    return tuple(sorted({path for path, place in standing.items() if not os.access(place, os.W_OK | os.X_OK)}))
