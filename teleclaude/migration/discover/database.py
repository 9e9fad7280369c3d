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
from teleclaude.errors import Problem, SourceError
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
from teleclaude.platform.mounts import is_mount_point
from teleclaude.printable import count

_EVENTS_FILE = "events.db"

_Place = tuple[Path, str]
"""A place where the old database can be, and the setting that names it; of the usual place the empty string."""


@dataclass(frozen=True)
class _Candidate:
    """A database file that is there."""

    path: Path
    setting: str
    """What names it; empty for the usual place."""
    real: Path
    """The path without links."""
    names: FileNames


def find_database(privsep: Privsep, places: Places, files: ConfigFiles, private: Path) -> SourceDatabase:
    """Return the old database, read from its private copy.

    Raises SourceError where it cannot be read, and where two databases hold rows of any table.
    """
    candidates = _existing(privsep, _candidates(places, files))
    if not candidates:
        raise SourceError(_explain_missing(list(_candidates(places, files))))
    found = [_look(privsep, each, private / f"database-{place}") for place, each in enumerate(candidates)]
    for database, candidate in zip(found, candidates, strict=True):
        if "sessions" not in find_models(database.tables).values():
            problem = problems.NAMED_FOREIGN if candidate.setting else problems.NO_SESSIONS
            raise SourceError(problem.fill(path=candidate.path, named=candidate.path, setting=candidate.setting))
    with_data = [database for database in found if _rows(database)]
    if len(with_data) > 1:
        listed = ", ".join(f"{database.path} ({count(_rows(database), 'row')})" for database in with_data)
        raise SourceError(problems.SEVERAL_DATABASES.fill(listed=listed))
    return (with_data or found)[0]


def _explain_missing(candidates: list[_Place]) -> Problem:
    """Return that no candidate exists; the last that a setting names was the one that the old program used."""
    named, setting = candidates[-1]
    problem = problems.NAMED_LOST if setting and named != candidates[0][0] else problems.NO_DATABASE
    return problem.fill(path=candidates[0][0], named=named, setting=setting)


def find_odd_settings(
    privsep: Privsep, places: Places, files: ConfigFiles, database: SourceDatabase | None
) -> tuple[Finding, ...]:
    """Return a warning for each setting that names a place of the database where none is."""
    if database is None:
        return ()
    named = [each for each in _candidates(places, files) if each[1] and not _existing(privsep, [each])]
    return tuple(
        warning("source", problems.NAMED_MISSING.fill(setting=setting, named=path, path=database.path))
        for path, setting in named
    )


def find_events(privsep: Privsep, places: Places, private: Path) -> SourceDatabase | None:
    """Return the database of events, read from its private copy, None where there is none; raises SourceError."""
    path = places.state / _EVENTS_FILE
    found = [] if _is_odd(path) else _existing(privsep, [(path, "")])
    return _look(privsep, found[0], private / "events") if found else None


def find_odd_events(places: Places) -> tuple[Finding, ...]:
    """Return a warning where the database of events is not a file, so that it can hold no rows."""
    path = places.state / _EVENTS_FILE
    return (warning("source", problems.EVENTS_NO_FILE.fill(path=path)),) if _is_odd(path) else ()


def _is_odd(path: Path) -> bool:
    return path.exists() and not path.is_file()


def _candidates(places: Places, files: ConfigFiles) -> Iterator[_Place]:
    yield places.checkout / "teleclaude.db", ""
    variables = read_variables(files, places)
    configured = read_yaml(files.config, called=files.origins[files.config], required=False).get("database")
    path = configured.get("path") if isinstance(configured, dict) else None
    if isinstance(path, str) and path.strip():
        scope = {"WORKING_DIR": str(places.checkout), **variables, "HOME": str(places.home)}
        yield _to_path(expand(path, scope), places), f"database.path in {files.origins[files.config]}"
    if variables.get("TELECLAUDE_DB_PATH"):
        origin = files.origins[files.environment]
        yield _to_path(variables["TELECLAUDE_DB_PATH"], places), f"TELECLAUDE_DB_PATH in {origin}"


def _to_path(text: str, places: Places) -> Path:
    return places.home / text[2:] if text.startswith("~/") else places.checkout / text


def _existing(privsep: Privsep, candidates: Iterable[_Place]) -> list[_Candidate]:
    """Return those that exist, each file once; raises SourceError where a link leads to nothing, OSError.

    SQLite keeps nothing in a folder or device that a setting names.
    """
    kept: dict[tuple[int, int], list[tuple[Path, str, Path]]] = {}
    links: dict[tuple[int, int], int] = {}
    for path, setting in candidates:
        if setting and privsep.call(os.path.exists, str(path)) and not privsep.call(os.path.isfile, str(path)):
            continue
        real = Path(privsep.call(find_real, str(path)))
        with suppress(FileNotFoundError), opened(privsep, path) as descriptor:
            state = os.fstat(descriptor)
            kept.setdefault((state.st_dev, state.st_ino), []).append((path, setting, real))
            links[state.st_dev, state.st_ino] = state.st_nlink
    return [_make_candidate(privsep, same, FileNames(identity, links[identity])) for identity, same in kept.items()]


def _make_candidate(privsep: Privsep, same: list[tuple[Path, str, Path]], names: FileNames) -> _Candidate:
    """Return a file that was found under one name or several.

    Raises SourceError where a WAL or journal lies beside another name than the first one: SQLite would not read it. So
    it does where the file is mounted without its folder: the other name is unknown. OSError.
    """
    path, setting, real = same[0]
    if is_mount_point(real):
        raise SourceError(problems.MOUNTED.fill(path=real, quoted=shlex.quote(str(real))))
    linked = map(Path, privsep.call(list_hard_links, str(real)))
    others = tuple(name for name in dict.fromkeys((*(each[2] for each in same), *linked)) if name != real)
    for other in others:
        for part in find_parts(privsep, other, real):
            words = {"path": real, "other": other, "part": part, "quoted": shlex.quote(str(other))}
            raise SourceError(OTHER_NAME.fill(**words))
    by_links = dict.fromkeys(each[0] for each in same if each[0] not in (real, *others))
    unread = tuple(part for link in by_links for part in find_parts(privsep, link, real))
    return _Candidate(path, setting, real, replace(names, others=others, unread=unread))


def _rows(database: SourceDatabase) -> int:
    """Return the rows that would be moved, 0 for a database that the old daemon has just made."""
    return sum(table.rows for table in database.tables)


def _look(privsep: Privsep, found: _Candidate, folder: Path) -> SourceDatabase:
    """Copy a database and read the copy; raises SourceError where it is damaged or cannot be read."""
    snapshot = copy_database(privsep, found.real, folder)
    content = read_content(snapshot.copy, found.path, found.setting)
    why = f"{found.setting} names it" if found.setting else f"it lies in {found.path.parent}"
    return SourceDatabase(
        path=found.path,
        uid=snapshot.uid,
        why=why if found.path == found.real else f"{why}, as a link to {found.real}",
        copy=snapshot.copy,
        copies=snapshot.copies,
        files=snapshot.files,
        names=found.names,
        **vars(content),
    )
