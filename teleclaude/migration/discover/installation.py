"""A single-user installation: its folders and its files (facts: installation)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from teleclaude.errors import Problem, SourceError
from teleclaude.migration.discover.account import find_caller_home
from teleclaude.migration.discover.problems import EMPTY_CHECKOUT, EMPTY_HOME, NO_CHECKOUT, NO_HOME
from teleclaude.migration.source.files import FILE_LIMIT, hash_file
from teleclaude.migration.source.installation import ConfigFiles, DocFile, Places, SourceDatabase, SourceFile
from teleclaude.migration.source.known_files import ELSEWHERE
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.unprivileged import check_folder, list_existing, list_names, list_tree
from teleclaude.platform.names import SYSTEMS


def find_places(options: Options, environ: Mapping[str, str]) -> Places:
    """Return the checkout and the home: as asked, else the caller's home, and the checkout that its `.env` links to."""
    home = (options.home or find_caller_home(environ)).absolute()
    if options.source is not None:
        return Places(options.source.absolute(), home)
    link = home / ".teleclaude" / ".env"
    with suppress(PermissionError):
        # One that another user put there leads nowhere.
        if link.is_symlink() and link.lstat().st_uid in {0, os.geteuid(), home.stat().st_uid}:
            return Places(Path(os.path.realpath(link)).parent, home)
    return Places(Path.cwd(), home)


def find_open_places(privsep: Privsep, places: Places) -> tuple[Problem, ...]:
    """Return what others than root and the owner can change, of the folders of the installation and on the way to them.

    Whoever can change one decides what root reads and publishes.
    """
    found = []
    for folder in places.folders:
        try:
            privsep.call(check_folder, str(folder))
        except SourceError as error:
            found.append(error.problem)
    return tuple(dict.fromkeys(found))


def find_wrong_places(privsep: Privsep, places: Places) -> tuple[Problem, ...]:
    """Return why a folder cannot be that of an old installation, of each that cannot; raises SourceError, OSError."""
    looked = (
        (places.checkout, ("config.yml", ".env", "teleclaude.db"), NO_CHECKOUT, EMPTY_CHECKOUT),
        (places.home, (places.state.name,), NO_HOME, EMPTY_HOME),
    )
    found = []
    for folder, names, missing, empty in looked:
        # The names can be there in a folder that may not be listed.
        if not privsep.call(list_existing, [str(folder / name) for name in names]):
            is_there = privsep.call(list_names, str(folder)) or privsep.call(list_existing, [str(folder)])
            found.append((empty if is_there else missing).fill(path=folder))
    return tuple(found)


def find_elsewhere(privsep: Privsep, places: Places) -> tuple[Path, ...]:
    """Return the files of the old program or its agents outside the checkout and `~/.teleclaude`."""
    return tuple(map(Path, privsep.call(list_existing, [str(places.home / name) for name in ELSEWHERE])))


def list_files(
    privsep: Privsep,
    places: Places,
    files: ConfigFiles,
    databases: tuple[SourceDatabase, ...],
    docs: tuple[DocFile, ...],
) -> tuple[SourceFile, ...]:
    """Return every file of the old installation that must stay as it is, with the sha256 of its content.

    For the databases it is the sha256 of the copy, so that a later write is noticed. Raises SourceError where a file
    cannot be read.
    """
    state = places.state
    names = [places.checkout / name for name in ("config.yml", ".env", "experiments.yml", "teleclaude.db")]
    names += [state / name for name in ("teleclaude.yml", "projects.yaml", "config.yml")]
    names += files.origins.values()
    names += [Path(path) for folder in ("people", "state") for path in privsep.call(list_tree, str(state / folder))]
    units = [places.home / system.old.path for system in SYSTEMS]
    names += [unit for unit in units if privsep.call(os.access, str(unit), os.R_OK)]
    copied = {file.path: file for database in databases for file in database.files}
    # A link to a database is compared with the database.
    links = {database.path for database in databases}
    names = [name for name in dict.fromkeys(names) if name not in copied and name not in links]
    # A file that changed after its copy must not be taken for what was copied.
    made = {files.origins[copy]: digest for copy, digest in files.digests.items()}
    others = [SourceFile(name, made.get(name) or hash_file(privsep, name, FILE_LIMIT)) for name in names]
    others += [SourceFile(doc.real, hash_file(privsep, doc.real, FILE_LIMIT, exact=True)) for doc in docs]
    return (*copied.values(), *(file for file in others if file.sha256))
