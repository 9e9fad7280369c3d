"""How the layers of the configuration become one: merged, expanded, overridden by the environment. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from teleclaude.config.problems import NOT_VARIABLES
from teleclaude.errors import ConfigError

SECRET_PREFIX = "TELECLAUDE_SECRET_"  # noqa: S105 - a name and no secret
"""The prefix of variables that hold a secret from a YAML file."""

PEOPLE_EXTRA = "people_extra"
"""The key of secrets.yml for what else an old file said of people, by their names."""

REFERENCE = re.compile(r"\$\{([^}]+)\}")

_OVERRIDES = re.compile(r"WHATSAPP_(PHONE_NUMBER_ID|(?:ACCESS|VERIFY)_TOKEN|WEBHOOK_SECRET|TEMPLATE_(?:NAME|LANGUAGE))")
"""Variables that win over a key of `whatsapp` without `${NAME}` there (facts: installation, environment variables)."""


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return one mapping in which later layers win; mappings merge key by key, everything else is replaced whole."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            present = result.get(key)
            result[key] = merge(present, value) if isinstance(present, dict) and isinstance(value, dict) else value
    return result


def expand(value: Any, environment: Mapping[str, Any]) -> Any:
    """Replace `${NAME}` in every string value by the variable; an unknown one stays as it is written.

    Keys are not expanded, and what a variable holds is not expanded again. A value that is one reference and nothing
    else becomes what the variable holds, a number too: the secrets keep numbers as numbers.
    """
    if isinstance(value, str):
        alone = REFERENCE.fullmatch(value)
        if alone:
            return environment.get(alone[1], value)
        return REFERENCE.sub(lambda match: str(environment.get(match[1], match[0])), value)
    if isinstance(value, dict):
        return {key: expand(item, environment) for key, item in value.items()}
    if isinstance(value, list):
        return [expand(item, environment) for item in value]
    return value


def find_references(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield for every `${NAME}` in a string value the keys from the top to it, and the name."""
    if isinstance(value, str):
        yield from ((keys, name) for name in REFERENCE.findall(value))
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from find_references(item, (*keys, str(key)))


def override(values: dict[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with those keys replaced that a variable of `environment` decides."""
    found = ((_OVERRIDES.fullmatch(name), value) for name, value in environment.items())
    chosen = {match[1].lower(): value for match, value in found if match and value}
    return merge(values, {"whatsapp": chosen} if chosen else {})


def resolve(
    system: Mapping[str, Any], secrets: Mapping[str, Any], user: Mapping[str, Any], environ: Mapping[str, str]
) -> dict[str, Any]:
    """Return the effective configuration of the three layers under the process environment `environ`.

    The variables below `environment` in the files count as if the process had them; those of the process win.
    Raises ConfigError.
    """
    merged = merge(system, secrets, user)
    of_files = merged.get("environment") or {}
    if not isinstance(of_files, dict):
        raise ConfigError(NOT_VARIABLES)
    known = {**of_files, **environ}
    # A value from a YAML file is expanded as it was there; a value of .env is not.
    environment = {
        name: expand(value, known) if name.startswith(SECRET_PREFIX) else value for name, value in known.items()
    }
    database = {key: merged[key] for key in ("database",) if key in merged}
    # Whatever is shown to callers must not be able to name the password of the database.
    own = {name for _, name in find_references(database) if name.startswith(SECRET_PREFIX)}
    others = {name: value for name, value in environment.items() if name not in own}
    values = expand({**_with_extra(merged), "environment": {}}, others) | expand(database, environment)
    return override(values, environment) | {"environment": environment}


def _with_extra(values: dict[str, Any]) -> dict[str, Any]:
    """Return `values` with what `people_extra` says of people put back into their entries."""
    values = dict(values)
    extra, people = values.pop(PEOPLE_EXTRA, None), values.get("people")
    if isinstance(extra, dict) and isinstance(people, list):
        values["people"] = [_with_own(person, extra) for person in people]
    return values


def _with_own(person: Any, extra: Mapping[Any, Any]) -> Any:
    name = person.get("name") if isinstance(person, dict) else None
    more = extra.get(name) if isinstance(name, str) else None
    return merge(person, more) if isinstance(more, dict) else person


def find_doubles(
    system: Mapping[Any, Any], secrets: Mapping[Any, Any], keys: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Yield the keys, from the top, of every value that stands in both files."""
    for key in system.keys() & secrets.keys():
        one, other = system[key], secrets[key]
        if isinstance(one, dict) and isinstance(other, dict):
            yield from find_doubles(one, other, (*keys, str(key)))
        else:
            yield (*keys, str(key))
