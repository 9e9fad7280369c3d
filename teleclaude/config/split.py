"""Splits a single-user configuration into system, secrets and user. Pure.

Outside the secrets each secret is replaced by `${TELECLAUDE_SECRET_…}`, and its value goes to `environment` in the
secrets. The layers together give the configuration that the old daemon read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from teleclaude.config import secrecy, sections
from teleclaude.config.layers import SECRET_PREFIX, expand, merge


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
    known: frozenset[str] = field(repr=False)
    """Secrets as they are written; a comment that repeats one is left out."""


def split(old: OldConfiguration, person: str | None, database_url: str | None = None) -> Split:
    """Return `old` as three layers.

    The settings of `person` become the user's layer. Those of other people go whole to `profiles` in the secrets,
    because they name accounts. `database_url` may hold a password.
    """
    old = _with_places_written_out(old)
    system = _system_layer(old, database_url)
    own = dict(old.persons.get(person, {})) if person else {}
    profiles = {name: dict(values) for name, values in old.persons.items() if name != person and values}
    if "invite_token" in own:
        profiles[person or ""] = {"invite_token": own.pop("invite_token")}
    user = merge(_user_layer(old.config), own)
    known = frozenset(_known(old, database_url))
    taken = _Taken(dict(old.environment), known)
    system, user = taken.out_of(system), taken.out_of(user)
    plain = {name: value for name, value in old.environment.items() if _is_plain(name, value, known)}
    hidden = {*plain, *sections.OLD_PLACES}
    private = {name: value for name, value in taken.variables.items() if name not in hidden}
    return Split(
        system=merge(system, {"environment": plain} if plain else {}),
        secrets={
            **taken.entries,
            **({"environment": private} if private else {}),
            **({"profiles": profiles} if profiles else {}),
        },
        user=user,
        left=tuple(_left(old)),
        known=known,
    )


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
    forms = (sections.PLAIN_VARIABLES, sections.IDENTIFIERS)
    unnamed = (name for name in old.environment if not any(form.fullmatch(name) for form in forms))
    yield from secrecy.known_again([old.environment[name] for name in unnamed if name not in sections.OLD_PLACES])


def _is_plain(name: str, value: str, known: Collection[str]) -> bool:
    may_be_secret = secrecy.is_secret(name) or secrecy.has_secret(value, known)
    return not may_be_secret and sections.PLAIN_VARIABLES.fullmatch(name) is not None


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


class _Taken:
    """Takes secrets out of layers: values into `variables`, and entries whose key is a secret into `entries`."""

    def __init__(self, variables: dict[str, Any], known: frozenset[str]) -> None:
        self.variables = variables
        self.entries: dict[Any, Any] = {}
        self._known = known

    def out_of(self, layer: dict[str, Any]) -> dict[str, Any]:
        """Return `layer` with every secret replaced by a reference."""
        # A reference cannot replace a key, so an entry whose key is a secret moves whole.
        self.entries |= {key: value for key, value in layer.items() if secrecy.looks_secret(str(key), self._known)}
        return {key: self._walk(value, (str(key),)) for key, value in layer.items() if key not in self.entries}

    def _walk(self, value: Any, path: tuple[str, ...], *, secret: bool = False) -> Any:
        secret = secret or secrecy.is_secret(path[-1]) or secrecy.is_login(path[-1], value)
        if isinstance(value, dict):
            return self._walk_mapping(value, path, secret)
        if isinstance(value, list):
            return [
                self._walk(item, (*path, str(index)), secret=secret or _is_secret_flag(value[index - 1 : index], item))
                for index, item in enumerate(value)
            ]
        if secrecy.is_no_value(value):
            return value
        if secret or self._tells(value):
            return self._put(path, value)
        return secrecy.URL_SECRET.sub(partial(self._put_part, path), value) if isinstance(value, str) else value

    def _walk_mapping(self, value: dict[Any, Any], path: tuple[str, ...], secret: bool) -> Any:
        if value and (secret or any(secrecy.looks_secret(str(key), self._known) for key in value)):
            return self._put(path, value)
        inner = secrecy.is_map_of_secrets(path[-1])
        labelled = {"value"} if secrecy.is_secret(str(value.get("name", value.get("key", "")))) else set()
        return {
            key: self._walk(item, (*path, str(key)), secret=inner or str(key).lower() in labelled)
            for key, item in value.items()
        }

    def _tells(self, value: Any) -> bool:
        bare = secrecy.URL_SECRET.sub(lambda match: secrecy.url_secret(match)[0], str(value))
        return secrecy.looks_secret(bare, self._known)

    def _put(self, path: tuple[str, ...], value: Any) -> str:
        name = SECRET_PREFIX + "_".join(re.sub(r"\W", "_", part, flags=re.ASCII).upper() for part in path)
        while name in self.variables and repr(self.variables[name]) != repr(value):
            name += "_"
        self.variables[name] = value
        return f"${{{name}}}"

    def _put_part(self, path: tuple[str, ...], match: re.Match[str]) -> str:
        before, secret = secrecy.url_secret(match)
        return before + (secret if secrecy.ONLY_REFERENCES.fullmatch(secret) else self._put((*path, "secret"), secret))


def _is_secret_flag(before: list[Any], item: Any) -> bool:
    """Whether the item before is an option that takes a secret, as in `[--api-key, …]` and `[-p, …]`."""
    if not before or not isinstance(before[0], str) or not before[0].startswith("-"):
        return False
    return secrecy.is_secret(before[0]) or secrecy.looks_secret(f"{before[0]} {item}", ())
