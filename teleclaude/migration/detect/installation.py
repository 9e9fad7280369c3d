"""The files of a single-user installation (facts: installation)."""

from __future__ import annotations

import hashlib
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from teleclaude.config.files import read_env, read_yaml
from teleclaude.config.layers import expand
from teleclaude.errors import ConfigError, SourceError
from teleclaude.layout import OLD_UNIT
from teleclaude.migration.inventory import ConfigFiles, DocFile, Person, SourceDatabase, SourceFile
from teleclaude.migration.options import Options

CHUNK = 1 << 20


@dataclass(frozen=True)
class Places:
    """The two roots of a single-user installation."""

    checkout: Path
    home: Path

    @property
    def state(self) -> Path:
        """The folder of the old installation in the home."""
        return self.home / ".teleclaude"


def find_places(options: Options, environ: Mapping[str, str]) -> Places:
    """Return the checkout and the home: as asked, else the caller's home, and the checkout that its `.env` links to."""
    home = (options.home or _caller_home(environ)).absolute()
    if options.source is not None:
        return Places(options.source.absolute(), home)
    link = home / ".teleclaude" / ".env"
    return Places(Path(os.path.realpath(link)).parent if link.is_symlink() else Path.cwd(), home)


def _caller_home(environ: Mapping[str, str]) -> Path:
    uid = environ.get("SUDO_UID", "")
    try:
        return Path(pwd.getpwuid(int(uid)).pw_dir) if uid.isdigit() else Path.home()
    except KeyError:
        return Path.home()


def copy_file(source: Path, copy: Path) -> str:
    """Copy a regular file and return the sha256 of what was copied; raises SourceError where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with source.open("rb") as reader, copy.open("xb") as writer:
            while chunk := reader.read(CHUNK):
                digest.update(chunk)
                writer.write(chunk)
    except OSError as error:
        name = error.filename or source
        raise SourceError(f"{source} cannot be copied: {name}: {error.strerror}", "see to it and run again") from None
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """Return the sha256 of a file, the empty string where there is none; raises SourceError where it cannot be read."""
    if path.exists() and not path.is_file():
        # To open a pipe would be to wait for whoever writes to it.
        raise SourceError(f"{path} is not a file", "see what it is and move it away")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}", "see to its permissions") from None


def copy_config(places: Places, private: Path) -> ConfigFiles:
    """Copy the configuration into the private folder, as far as it is there; raises SourceError."""
    folder = private / "config"
    folder.mkdir()
    checkout, state = places.checkout, places.state
    wanted = {
        "config.yml": checkout / "config.yml",
        "env": checkout / ".env",
        "experiments.yml": checkout / "experiments.yml",
        "teleclaude.yml": state / "teleclaude.yml",
    }
    for name, path in wanted.items():
        if path.is_file():
            copy_file(path, folder / name)
    persons = {path.parent.name: path for path in sorted(state.glob("people/*/teleclaude.yml")) if path.is_file()}
    copies = {name: folder / f"person-{place}.yml" for place, name in enumerate(persons)}
    for name, path in persons.items():
        copy_file(path, copies[name])
    return ConfigFiles(
        config=folder / "config.yml",
        environment=folder / "env",
        everyone=folder / "teleclaude.yml",
        experiments=folder / "experiments.yml",
        persons=copies,
    )


def check_config(places: Places) -> None:
    """Raise ConfigError where there is no config.yml, without which there is no installation."""
    path = places.checkout / "config.yml"
    if not path.is_file():
        raise ConfigError(f"{path} is missing", "name the checkout with --source DIR", path=path)


def read_people(files: ConfigFiles | None) -> tuple[Person, ...]:
    """Return `people` of the old installation; raises ConfigError."""
    if files is None:
        return ()
    people = read_yaml(files.everyone, required=False).get("people") or []
    if not isinstance(people, list) or not all(isinstance(person, dict) and person.get("name") for person in people):
        raise ConfigError("people in teleclaude.yml is not a list of entries with names", "mend the list")
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
    expanded = expand(read_yaml(files.config, required=False), read_variables(files, places))
    assert isinstance(expanded, dict)
    return expanded


def read_variables(files: ConfigFiles, places: Places) -> dict[str, str]:
    """Return what `.env` sets; raises ConfigError."""
    return read_env(files.environment, {"HOME": str(places.home)})


def list_files(
    places: Places, databases: tuple[SourceDatabase, ...], docs: tuple[DocFile, ...]
) -> tuple[SourceFile, ...]:
    """Return every file of the old installation that must stay what it is, with its content's sha256.

    Of the databases it is what was copied, so that a write since then is not taken for what was there. Raises
    SourceError where a file cannot be read.
    """
    state = places.state
    names = [places.checkout / name for name in ("config.yml", ".env", "experiments.yml", "teleclaude.db")]
    names += [state / name for name in ("teleclaude.yml", "projects.yaml", "config.yml")]
    for folder in ("people", "state"):
        names += [path for path in (state / folder).rglob("*") if not path.is_symlink()]
    names += [doc.real for doc in docs]
    names += [Path("/etc/systemd/system") / OLD_UNIT["linux"]]
    names += [places.home / "Library/LaunchAgents" / f"{OLD_UNIT['darwin']}.plist"]
    copied = {file.path: file for database in databases for file in database.files}
    others = (path for path in dict.fromkeys(names) if path not in copied and path.is_file())
    return (*copied.values(), *(SourceFile(path, hash_file(path)) for path in others))


def same_file(one: Path, other: Path) -> bool:
    """Whether two paths are one file."""
    return one.exists() and other.exists() and one.samefile(other)
