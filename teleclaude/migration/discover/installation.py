"""The files of a single-user installation (facts: installation)."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from teleclaude.config.files import read_env, read_yaml
from teleclaude.config.layers import expand
from teleclaude.errors import ConfigError, SourceError, TeleClaudeError
from teleclaude.migration.source.files import CONFIG_LIMIT, FILE_LIMIT, copy_file, hash_file
from teleclaude.migration.source.inventory import ConfigFiles, DocFile, Person, Places, SourceDatabase, SourceFile
from teleclaude.migration.source.known_files import ELSEWHERE
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.unprivileged import list_existing, list_names, list_tree
from teleclaude.platform.names import SYSTEMS
from teleclaude.printable import is_printable


def find_places(options: Options, environ: Mapping[str, str]) -> Places:
    """Return the checkout and the home: as asked, else the caller's home, and the checkout that its `.env` links to."""
    home = (options.home or _caller_home(environ)).absolute()
    if options.source is not None:
        return Places(options.source.absolute(), home)
    link = home / ".teleclaude" / ".env"
    return Places(Path(os.path.realpath(link)).parent if link.is_symlink() else Path.cwd(), home)


def read_sudo_uid(environ: Mapping[str, str]) -> int | None:
    """Return the user id of who called sudo, None where that was nobody, or root, who says nothing of an owner."""
    uid = environ.get("SUDO_UID", "")
    return (int(uid) or None) if uid.isdigit() else None


def _caller_home(environ: Mapping[str, str]) -> Path:
    uid = read_sudo_uid(environ)
    try:
        return Path.home() if uid is None else Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        return Path.home()


def copy_config(privsep: Privsep, places: Places, private: Path) -> tuple[ConfigFiles, tuple[TeleClaudeError, ...]]:
    """Copy the configuration into the private folder, as far as it is there; return also what could not be copied.

    Raises SourceError or OSError where it cannot be seen who the people are.
    """
    folder = private / "config"
    folder.mkdir()
    checkout, state = places.checkout, places.state
    names = privsep.call(list_names, str(state / "people"))
    copies = {name: folder / f"person-{place}.yml" for place, name in enumerate(names)}
    files = ConfigFiles(
        config=folder / "config.yml",
        environment=folder / "env",
        everyone=folder / "teleclaude.yml",
        experiments=folder / "experiments.yml",
        origins={folder / "env": checkout / ".env"},
    )
    # It says where the rest is.
    first = _try_copy(privsep, checkout / ".env", files.environment, required=False)
    config = _find_config(files, places)
    sources = {
        files.config: config,
        files.experiments: config.parent / "experiments.yml",
        files.everyone: state / "teleclaude.yml",
        **{copies[name]: state / "people" / name / "teleclaude.yml" for name in names},
    }
    others = [_try_copy(privsep, path, copy, required=copy == files.config) for copy, path in sources.items()]
    files = replace(
        files,
        persons={name: copy for name, copy in copies.items() if copy.exists()},
        origins={**files.origins, **sources},
    )
    return files, tuple(trouble for trouble in (first, *others) if trouble is not None)


def _find_config(files: ConfigFiles, places: Places) -> Path:
    """Return the file that the old daemon read as config.yml: what `TELECLAUDE_CONFIG_PATH` names counts first."""
    try:
        named = read_variables(files, places).get("TELECLAUDE_CONFIG_PATH")
    except ConfigError:
        # It is refused where its variables are needed.
        named = None
    return places.checkout / (named or "config.yml")


def _try_copy(privsep: Privsep, source: Path, copy: Path, *, required: bool) -> TeleClaudeError | None:
    try:
        copy_file(privsep, source, copy, CONFIG_LIMIT)
    except SourceError as error:
        copy.unlink(missing_ok=True)
        return error
    except FileNotFoundError:
        if required:
            return ConfigError(f"{source} is missing", "name the checkout with --source DIR", path=source)
    return None


def read_people(files: ConfigFiles | None) -> tuple[Person, ...]:
    """Return `people` of the old installation; raises ConfigError."""
    if files is None:
        return ()
    path = files.origins[files.everyone]
    people = read_yaml(files.everyone, called=path, required=False).get("people") or []
    if not isinstance(people, list) or not all(isinstance(person, dict) and person.get("name") for person in people):
        raise ConfigError(f"people in {path} is not a list of entries with names", "fix the list", path=path)
    odd = next((place for place, person in enumerate(people, 1) if not is_printable(str(person["name"]))), None)
    if odd is not None:
        # Rows carry the name and terminals show it; PostgreSQL itself refuses some of these characters.
        raise ConfigError(
            f"entry {odd} of people in {path} has a name with a control character", "write it anew", path=path
        )
    return tuple(Person(str(person["name"]), _text(person.get("username"))) for person in people)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def read_zone(files: ConfigFiles | None, places: Places) -> str | None:
    """Return `computer.timezone`, None where it is not set; raises ConfigError."""
    computer = read_config(files, places).get("computer")
    return _text(computer.get("timezone")) if isinstance(computer, dict) else None


def read_config(files: ConfigFiles | None, places: Places) -> dict[str, Any]:
    """Return config.yml as the old daemon saw it, `.env` expanded; raises ConfigError."""
    if files is None:
        return {}
    expanded = expand(
        read_yaml(files.config, called=files.origins[files.config], required=False), read_variables(files, places)
    )
    assert isinstance(expanded, dict)
    return expanded


def read_variables(files: ConfigFiles, places: Places) -> dict[str, str]:
    """Return what `.env` sets; raises ConfigError."""
    return read_env(files.environment, {"HOME": str(places.home)}, called=files.origins[files.environment])


def find_elsewhere(privsep: Privsep, places: Places) -> tuple[Path, ...]:
    """Return what the old program or its agents keep outside the checkout and `~/.teleclaude`."""
    return tuple(map(Path, privsep.call(list_existing, [str(places.home / name) for name in ELSEWHERE])))


def list_files(
    privsep: Privsep,
    places: Places,
    files: ConfigFiles | None,
    databases: tuple[SourceDatabase, ...],
    docs: tuple[DocFile, ...],
) -> tuple[SourceFile, ...]:
    """Return every file of the old installation that must stay what it is, with its content's sha256.

    Of the databases it is what was copied, so that a write since then is not taken for what was there. Raises
    SourceError where a file cannot be read.
    """
    state = places.state
    names = [places.checkout / name for name in ("config.yml", ".env", "experiments.yml", "teleclaude.db")]
    names += [state / name for name in ("teleclaude.yml", "projects.yaml", "config.yml")]
    names += files.origins.values() if files is not None else ()
    names += [Path(path) for folder in ("people", "state") for path in privsep.call(list_tree, str(state / folder))]
    units = [places.home / system.old.path for system in SYSTEMS]
    names += [unit for unit in units if privsep.call(os.access, str(unit), os.R_OK)]
    copied = {file.path: file for database in databases for file in database.files}
    others = [
        SourceFile(path, hash_file(privsep, path, FILE_LIMIT)) for path in dict.fromkeys(names) if path not in copied
    ]
    others += [SourceFile(doc.real, hash_file(privsep, doc.real, FILE_LIMIT, exact=True)) for doc in docs]
    return (*copied.values(), *(file for file in others if file.sha256))
