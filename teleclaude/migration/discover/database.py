"""Finding the old databases, under every name that they have, and copying them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from teleclaude.config.files import read_yaml
from teleclaude.config.layers import expand
from teleclaude.errors import SourceError
from teleclaude.migration.discover import problems
from teleclaude.migration.discover.configuration import read_variables
from teleclaude.migration.discover.content import read_content
from teleclaude.migration.report.events import Finding, warning
from teleclaude.migration.source.files import opened
from teleclaude.migration.source.installation import ConfigFiles, FileNames, Places, SourceDatabase
from teleclaude.migration.source.old_schema import find_models
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.problems import OTHER_NAME
from teleclaude.migration.source.snapshot import copy_database, find_parts
from teleclaude.migration.source.unprivileged import find_real, list_hard_links

_EVENTS_FILE = "events.db"

_Place = tuple[Path, str]
"""A place where the old database can be, and why."""


@dataclass(frozen=True)
class _Candidate:
    """A database file that is there."""

    path: Path
    why: str
    real: Path
    """The path without links."""
    names: FileNames


def find_database(privsep: Privsep, places: Places, files: ConfigFiles, private: Path) -> SourceDatabase:
    """Return the old database, read from its private copy.

    Raises SourceError where it cannot be read, and where two databases hold rows of any table.
    """
    candidates = _existing(privsep, _candidates(places, files))
    if not candidates:
        raise SourceError(problems.NO_DATABASE.fill(path=places.checkout / "teleclaude.db"))
    found = [_look(privsep, each, private / f"database-{place}") for place, each in enumerate(candidates)]
    for database in found:
        if "sessions" not in find_models(database.tables).values():
            raise SourceError(problems.NO_SESSIONS.fill(path=database.path))
    with_data = [database for database in found if _rows(database)]
    if len(with_data) > 1:
        listed = ", ".join(f"{database.path} ({_rows(database)} rows)" for database in with_data)
        raise SourceError(problems.SEVERAL_DATABASES.fill(listed=listed))
    return (with_data or found)[0]


def find_events(privsep: Privsep, places: Places, private: Path) -> SourceDatabase | None:
    """Return the database of events, read from its private copy, None where there is none; raises SourceError."""
    path = places.state / _EVENTS_FILE
    found = [] if _is_odd(path) else _existing(privsep, [(path, "it lies in the home")])
    return _look(privsep, found[0], private / "events") if found else None


def find_odd_events(places: Places) -> tuple[Finding, ...]:
    """Return a warning where the database of events is not a file, so that it can hold no rows."""
    path = places.state / _EVENTS_FILE
    return (warning("source", problems.EVENTS_NO_FILE.fill(path=path)),) if _is_odd(path) else ()


def _is_odd(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _candidates(places: Places, files: ConfigFiles) -> Iterator[_Place]:
    yield places.checkout / "teleclaude.db", "it lies in the checkout"
    variables = read_variables(files, places)
    configured = read_yaml(files.config, called=files.origins[files.config], required=False).get("database")
    path = configured.get("path") if isinstance(configured, dict) else None
    if isinstance(path, str):
        scope = {"WORKING_DIR": str(places.checkout), **variables, "HOME": str(places.home)}
        yield places.checkout / expand(path, scope), "database.path in config.yml names it"
    if variables.get("TELECLAUDE_DB_PATH"):
        yield places.checkout / variables["TELECLAUDE_DB_PATH"], "TELECLAUDE_DB_PATH in .env names it"


def _existing(privsep: Privsep, candidates: Iterable[_Place]) -> list[_Candidate]:
    """Return those that exist, each file once; raises SourceError where a link leads to nothing, OSError."""
    kept: dict[tuple[int, int], list[tuple[Path, str, Path]]] = {}
    links: dict[tuple[int, int], int] = {}
    for path, why in candidates:
        real = Path(privsep.call(find_real, str(path)))
        with suppress(FileNotFoundError), opened(privsep, path) as descriptor:
            state = os.fstat(descriptor)
            kept.setdefault((state.st_dev, state.st_ino), []).append((path, why, real))
            links[state.st_dev, state.st_ino] = state.st_nlink
    return [_make_candidate(privsep, same, FileNames(identity, links[identity])) for identity, same in kept.items()]


def _make_candidate(privsep: Privsep, same: list[tuple[Path, str, Path]], names: FileNames) -> _Candidate:
    """Return a file that was found under one name or several.

    Raises SourceError where a WAL or journal lies beside another name than the first one: SQLite would not read it.
    """
    path, why, real = same[0]
    linked = map(Path, privsep.call(list_hard_links, str(real)))
    others = tuple(name for name in dict.fromkeys((*(each[2] for each in same), *linked)) if name != real)
    for other in others:
        for part in find_parts(privsep, other, real):
            words = {"path": real, "other": other, "part": part, "quoted": shlex.quote(str(other))}
            raise SourceError(OTHER_NAME.fill(**words))
    by_links = dict.fromkeys(each[0] for each in same if each[0] not in (real, *others))
    unread = tuple(part for link in by_links for part in find_parts(privsep, link, real))
    why = why if path == real else f"{why}, as a link to {real}"
    return _Candidate(path, why, real, replace(names, others=others, unread=unread))


def _rows(database: SourceDatabase) -> int:
    """Return the rows that would be moved, 0 for a database that the old daemon has just made."""
    return sum(table.rows for table in database.tables)


def _look(privsep: Privsep, found: _Candidate, folder: Path) -> SourceDatabase:
    """Copy a database and read the copy; raises SourceError where it is damaged or cannot be read."""
    snapshot = copy_database(privsep, found.real, folder)
    content = read_content(snapshot.copy, found.path)
    return SourceDatabase(
        path=found.path,
        uid=snapshot.uid,
        why=found.why,
        copy=snapshot.copy,
        files=snapshot.files,
        names=found.names,
        **vars(content),
    )
