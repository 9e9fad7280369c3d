"""Splits a single-user configuration into system, secrets and user. Pure.

The system, which everybody may read, holds only what the schema knows (`known`); every secret in it is replaced by
`${TELECLAUDE_SECRET_…}`, and its value goes to `environment` in the secrets. What the schema does not know is at the
same path in the secrets. The user has values and no references. The layers together give the configuration that the
old daemon read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from teleclaude.config import secrecy, sections
from teleclaude.config.known import NAME, SYSTEM
from teleclaude.config.layers import REFERENCE, expand, find_references, merge
from teleclaude.config.parts import Parts

_MASK = "***"

_SECTIONS = re.compile("|".join(map(re.escape, {*SYSTEM, *sections.USER_SECTIONS, *sections.OUR_OWN})))

_SHOWN_NAMES = {"environment": re.compile(r"[A-Z][A-Z0-9_]*"), "profiles": NAME}
"""The mappings of secrets.yml whose keys are names of variables and of people."""


@dataclass(frozen=True)
class OldConfiguration:
    """The content of the files of a single-user installation."""

    config: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    everyone: Mapping[str, Any] = field(default_factory=dict)
    """`teleclaude.yml` of the home: people, hooks, jobs."""
    persons: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`people/<name>/teleclaude.yml`, by the name of the folder."""
    experiments: tuple[Any, ...] = ()
    account: Mapping[str, str] = field(default_factory=dict)
    """Variables that the old daemon had from its account, such as `HOME`."""


@dataclass(frozen=True)
class Split:
    """The three layers; `left` has what is in no layer, each with the reason."""

    system: dict[str, Any]
    secrets: dict[str, Any] = field(repr=False)
    user: dict[str, Any]
    left: tuple[tuple[str, str], ...]


def split(old: OldConfiguration, own_folders: tuple[str, ...] = (), database_url: str | None = None) -> Split:
    """Return `old` as three layers.

    The settings of the first of `own_folders`, and what the others add to them, become the user's layer. Those of other
    people go whole to `profiles` in the secrets, because they name accounts. `database_url` may hold a password.
    """
    mentioned = frozenset(_mentioned(old))
    old = _with_places_written_out(old)
    system = _system_layer(old, database_url)
    own, profiles = _own_and_profiles(old.persons, own_folders)
    user = _written_out(merge(_user_layer(old.config), own), old.environment)
    known = frozenset(_known(old, database_url))
    parts = Parts(dict(old.environment), known, mentioned)
    public, private = parts.of(system)
    plain = {name: value for name, value in old.environment.items() if _is_plain(name, value, known)}
    hidden = {*plain, *sections.OLD_PLACES}
    variables = {name: value for name, value in parts.variables.items() if name not in hidden}
    return Split(
        system=merge(public, {"environment": plain} if plain else {}),
        secrets={
            **({"environment": variables} if variables else {}),
            **({"profiles": profiles} if profiles else {}),
            **private,
        },
        user=user,
        left=tuple(_left(old)),
    )


def mask(layer: Mapping[Any, Any]) -> dict[str, str | dict[str, str]]:
    """Return the names in a layer that is private, with masked values; a name that nobody knows is masked too."""
    return {
        _mask_name(key, _SECTIONS): {_mask_name(name, _SHOWN_NAMES[key]): _MASK for name in value}
        if key in _SHOWN_NAMES and isinstance(value, dict)
        else _MASK
        for key, value in layer.items()
    }


def _mask_name(key: Any, form: re.Pattern[str]) -> str:
    return key if isinstance(key, str) and form.fullmatch(key) and not secrecy.has_secret(key, ()) else _MASK


def _mentioned(old: OldConfiguration) -> Iterator[str]:
    """Yield every name of a variable in the old files."""
    everything = (old.config, old.everyone, old.persons, {"": list(old.experiments)}, old.environment)
    for values in everything:
        yield from (name for _, name in find_references(dict(values)))
    yield from old.environment


def _own_and_profiles(
    persons: Mapping[str, Mapping[str, Any]], own_folders: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of the user, and those of all other folders, by folder."""
    first = own_folders[:1]
    profiles = {name: dict(values) for name, values in persons.items() if name not in first and values}
    for name in first:
        if "invite_token" in persons.get(name, {}):
            profiles[name] = {"invite_token": persons[name]["invite_token"]}
    own = merge(*(persons.get(name, {}) for name in reversed(own_folders)))
    own.pop("invite_token", None)
    return own, profiles


def _written_out(value: Any, variables: Mapping[str, str]) -> Any:
    """Return a value of the user without references, because the user cannot read what they name.

    A text that would be another one if it was expanded again keeps its references.
    """
    if isinstance(value, str):
        written = expand(value, variables)
        return written if not REFERENCE.search(written) else value
    if isinstance(value, dict):
        return {key: _written_out(item, variables) for key, item in value.items()}
    return [_written_out(item, variables) for item in value] if isinstance(value, list) else value


def _with_places_written_out(old: OldConfiguration) -> OldConfiguration:
    """Return `old` with its places and its account written out, because the new daemon has other values for them.

    As for the old daemon, the environment of the process wins over `.env`.
    """
    places = {name: value for name, value in old.environment.items() if name in sections.OLD_PLACES} | dict(old.account)
    config, everyone, persons = (expand(dict(values), places) for values in (old.config, old.everyone, old.persons))
    return replace(
        old, config=config, everyone=everyone, persons=persons, experiments=tuple(expand(list(old.experiments), places))
    )


def _known(old: OldConfiguration, database_url: str | None) -> Iterator[str]:
    for values in (old.config, old.everyone, {"persons": dict(old.persons)}, {"url": database_url}):
        yield from secrecy.named_secrets(dict(values))
    forms = (*(names for names, _ in sections.PLAIN_FORMS), sections.IDENTIFIERS)
    unnamed = (name for name in old.environment if not any(form.fullmatch(name) for form in forms))
    yield from secrecy.known_again([old.environment[name] for name in unnamed if name not in sections.OLD_PLACES])


def _is_plain(name: str, value: str, known: Collection[str]) -> bool:
    may_be_secret = secrecy.is_secret(name) or secrecy.has_secret(value, known)
    form = next((form for names, form in sections.PLAIN_FORMS if names.fullmatch(name)), None)
    return not may_be_secret and form is not None and form.fullmatch(value) is not None


def _system_layer(old: OldConfiguration, database_url: str | None) -> dict[str, Any]:
    unread = sections.OUR_OWN | sections.READ_FROM_EVERYONE | (set(old.everyone) - sections.READ_FROM_CONFIG)
    config, of_config = _parted(old.config, unread)
    everyone, of_everyone = _parted(old.everyone, sections.OUR_OWN | sections.READ_FROM_CONFIG)
    elsewhere = {*sections.USER_SECTIONS, *sections.IGNORED_SECTIONS}
    config = {key: value for key, value in config.items() if key not in elsewhere}
    for section, key in sections.USER_KEYS:
        if (section, key) not in sections.KEPT_FOR_EVERYONE and isinstance(config.get(section), dict):
            config[section] = {name: value for name, value in config[section].items() if name != key}
    if old.experiments:
        present = config.get("experiments")
        config["experiments"] = [*(present if isinstance(present, list) else []), *old.experiments]
    database = {"database": {"url": database_url}} if database_url else {}
    kept = {name: values for name, values in (("config.yml", of_config), ("teleclaude.yml", of_everyone)) if values}
    return {**database, **config, **everyone, **kept}


def _parted(values: Mapping[str, Any], unread: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keys of a file that the old daemon read, and the others, which are kept under the name of the file."""
    read = {key: value for key, value in values.items() if key not in unread}
    return read, {key: value for key, value in values.items() if key in unread}


def _user_layer(config: Mapping[str, Any]) -> dict[str, Any]:
    user = {key: config[key] for key in sections.USER_SECTIONS if key in config}
    for section, key in sections.USER_KEYS:
        values = config.get(section)
        if isinstance(values, dict) and key in values:
            user[section] = {**user.get(section, {}), key: values[key]}
    return user


def _left(old: OldConfiguration) -> Iterator[tuple[str, str]]:
    for section, reason in sections.IGNORED_SECTIONS.items():
        if section in old.config:
            yield f"config.yml: {section}", reason
    for name in sorted(sections.OLD_PLACES & set(old.environment)):
        yield f".env: {name}", "says where the old installation lives"
