"""The configuration of the old installation, copied and read (facts: installation)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from teleclaude.config.files import read_env, read_yaml
from teleclaude.config.layers import SECRET_PREFIX, expand, find_references
from teleclaude.config.secrecy import looks_secret
from teleclaude.config.sections import IGNORED_SECTIONS
from teleclaude.errors import ConfigError, SourceError, TeleClaudeError
from teleclaude.layout import Layout
from teleclaude.migration.discover.problems import CONFIG_MISSING, NAME_NOT_PRINTABLE, OUR_NAMES, PEOPLE_NO_LIST, UNSET
from teleclaude.migration.report.events import Finding, error, warning
from teleclaude.migration.source.files import CONFIG_LIMIT, copy_file
from teleclaude.migration.source.installation import ConfigFiles, Person, Places
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.stoppable import go_on
from teleclaude.migration.source.unprivileged import check_file
from teleclaude.printable import is_printable, printable

_T = TypeVar("_T")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def copy_config(
    privsep: Privsep, places: Places, people: Sequence[str], private: Path
) -> tuple[ConfigFiles, tuple[Finding, ...]]:
    """Copy the files of the configuration that exist into the private folder; return also an error for each failure.

    `people` are the names of the people's folders.
    """
    checkout, state = places.checkout, places.state
    copies = {name: private / f"person-{place}.yml" for place, name in enumerate(_stoppable(people))}
    environment = private / "env"
    files = ConfigFiles(
        config=private / "config.yml",
        environment=environment,
        everyone=private / "teleclaude.yml",
        experiments=private / "experiments.yml",
        origins={environment: checkout / ".env"},
    )
    # The environment comes first, because it may name the place of the others.
    digests: dict[Path, str] = {}
    first = _try_copy(privsep, checkout / ".env", environment, digests, required=False)
    config = _find_config(files, places)
    sources = {
        files.config: config,
        files.experiments: config.parent / "experiments.yml",
        files.everyone: state / "teleclaude.yml",
        **{copies[name]: state / "people" / name / "teleclaude.yml" for name in _stoppable(people)},
    }
    others = [_try_copy(privsep, path, copy, digests, required=copy == files.config) for copy, path in sources.items()]
    persons = {name: copy for name, copy in _stoppable(copies.items()) if copy.exists()}
    files = replace(files, persons=persons, origins={**files.origins, **sources}, digests=digests)
    return files, tuple(error("configuration", each.problem) for each in (first, *others) if each is not None)


def _stoppable(things: Iterable[_T]) -> Iterator[_T]:
    """Yield each of many things; an interrupt ends it between two."""
    for thing in things:
        go_on()
        yield thing


def _find_config(files: ConfigFiles, places: Places) -> Path:
    """Return the file that the old daemon read as config.yml; `TELECLAUDE_CONFIG_PATH` in `.env` counts first."""
    # Whoever needs variables that cannot be read reports it.
    with suppress(ConfigError):
        return places.checkout / (read_variables(files, places).get("TELECLAUDE_CONFIG_PATH") or "config.yml")
    return places.checkout / "config.yml"


def _try_copy(
    privsep: Privsep, source: Path, copy: Path, digests: dict[Path, str], *, required: bool
) -> TeleClaudeError | None:
    try:
        privsep.call(check_file, str(source))
        digests[copy] = copy_file(privsep, source, copy, CONFIG_LIMIT)
    except SourceError as failure:
        copy.unlink(missing_ok=True)
        return failure
    except FileNotFoundError:
        if required:
            return ConfigError(CONFIG_MISSING.fill(path=source), path=source)
    return None


def read_people(files: ConfigFiles) -> tuple[Person, ...]:
    """Return `people` of the old installation; raises ConfigError."""
    path = files.origins[files.everyone]
    people = read_yaml(files.everyone, called=path, required=False).get("people") or []
    if not isinstance(people, list) or not all(isinstance(person, dict) and person.get("name") for person in people):
        raise ConfigError(PEOPLE_NO_LIST.fill(path=path), path=path)
    for number, person in enumerate(people, 1):
        # Rows hold the name and terminals show it; PostgreSQL refuses some control characters.
        if not is_printable(str(person["name"])):
            raise ConfigError(NAME_NOT_PRINTABLE.fill(number=number, path=path), path=path)
    return tuple(Person(str(person["name"]), _text(person.get("username"))) for person in people)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def read_zone(files: ConfigFiles, places: Places) -> str | None:
    """Return `computer.timezone`, None where it is not set or empty; raises ConfigError."""
    computer = read_config(files, places).get("computer")
    zone = _text(computer.get("timezone")) if isinstance(computer, dict) else None
    return zone.strip() or None if zone else None


def read_config(files: ConfigFiles, places: Places) -> dict[str, Any]:
    """Return config.yml as the old daemon read it, the variables of `.env` expanded; raises ConfigError."""
    values = read_yaml(files.config, called=files.origins[files.config], required=False)
    expanded = expand(values, read_variables(files, places))
    assert isinstance(expanded, dict)
    return expanded


def read_variables(files: ConfigFiles, places: Places) -> dict[str, str]:
    """Return the variables that `.env` sets; raises ConfigError."""
    return read_env(files.environment, {"HOME": str(places.home)}, called=files.origins[files.environment])


def make_account_variables(places: Places, user: str | None) -> dict[str, str]:
    """Return the variables that a login sets for every process (POSIX, environment variables), as far as known."""
    return {"HOME": str(places.home), **({"USER": user, "LOGNAME": user} if user else {})}


def find_unset(files: ConfigFiles, places: Places, account: Mapping[str, str], layout: Layout) -> Iterator[Finding]:
    """Yield a warning for each shared file that names variables which only the old process can have had."""
    # Whoever needs values that cannot be read reports it.
    with suppress(ConfigError):
        known = {*read_variables(files, places), *account}
        named = [(path, read_yaml(path, required=False)) for path in (files.config, files.everyone)]
        for path, values in named:
            if listed := ", ".join(_list_unset(values, known)):
                problem = UNSET.fill(path=files.origins[path], listed=listed, secrets=layout.secrets)
                yield warning("configuration", problem)


def _without_disabled(value: Any) -> Any:
    """Return values without the sections that are switched off, whose variables nobody needs."""
    if isinstance(value, dict):
        return {} if value.get("enabled") is False else {key: _without_disabled(part) for key, part in value.items()}
    return [_without_disabled(part) for part in value] if isinstance(value, list) else value


def find_our_names(files: ConfigFiles) -> Iterator[Finding]:
    """Yield an error for each file that names a variable as the new secrets are named; it could read one of them."""
    for path in (files.config, files.everyone, files.experiments, *files.persons.values()):
        with suppress(ConfigError):
            named = find_references(read_yaml(path, required=False))
            yield from _refuse_names(files, path, [way for way, name in named if name.startswith(SECRET_PREFIX)])
    with suppress(ConfigError):
        variables = read_env(files.environment, {})
        ours = [name for name in variables if name.startswith(SECRET_PREFIX)]
        # A place may be written into another file, where it would be expanded again.
        ours += [way[0] for way, name in find_references(variables) if name.startswith(SECRET_PREFIX)]
        yield from _refuse_names(files, files.environment, [(name,) for name in dict.fromkeys(ours)])


def _refuse_names(files: ConfigFiles, path: Path, ways: list[tuple[str, ...]]) -> Iterator[Finding]:
    if ways:
        listed = ", ".join(_show_way(way) for way in ways[:5])
        yield error("configuration", OUR_NAMES.fill(path=files.origins[path], listed=listed))


def _show_way(way: tuple[str, ...]) -> str:
    return ".".join("…" if looks_secret(key, frozenset()) else printable(key) for key in way)


def _list_unset(values: dict[str, Any], known: set[str]) -> Iterator[str]:
    read = _without_disabled({key: value for key, value in values.items() if key not in IGNORED_SECTIONS})
    for way, name in find_references(read):
        if name not in known and _VARIABLE.fullmatch(name) and not looks_secret(name, frozenset()):
            yield f"{name} in {_show_way(way)}"
