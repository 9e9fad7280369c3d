"""How the layers of the configuration become one: merged, expanded, overridden by the environment. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from teleclaude.config.problems import NOT_VARIABLES
from teleclaude.errors import ConfigError

SECRET_PREFIX = "TELECLAUDE_SECRET_"  # noqa: S105 - a name and no secret
"""The prefix of variables that hold a secret from a YAML file."""

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
    return override(expand({**merged, "environment": {}}, environment), environment) | {"environment": environment}
