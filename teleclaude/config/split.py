"""Splits a single-user configuration into system, secrets and user. Pure.

Secrets are told by their names, wherever they stand, and by the password in a URL. In the file that everyone may read
each is replaced by `${TELECLAUDE_SECRET_…}`, and its value goes to `environment` in the secrets: the layers read
together give what the old daemon saw.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from teleclaude.config.layers import SECRET_PREFIX, merge

SECRET_WORDS = re.compile(
    r"(?:^|_)(?:tokens?|secrets?|passwords?|passwd|pass|passphrase|pwd|pin|keys?|apikeys?|credentials?|auth|authorization"
    r"|bearer|webhook_urls?)(?:_|$)"
)
"""Words that make a name a secret's, wherever they stand in it."""

NO_SECRET = frozenset({"identity_key", "idempotency_key", "public_key"})

URL_SECRET = re.compile(
    r"(?P<before>[a-z][a-z0-9+.-]*://[^/?#\s@:]*:)(?P<user_secret>[^\s]+)(?=@)"
    r"|(?P<scheme>https?://)(?P<name_secret>[^/?#\s@:]+)(?=@)"
    r"|(?P<name>[?&][^=&#\s]*(?:token|secret|password|key|sig)[^=&#\s]*=)(?P<query_secret>[^&#\s]+)",
    re.IGNORECASE,
)
"""What a URL may hold of a secret: a password, a name alone (a token, in practice), a parameter."""

ONLY_REFERENCES = re.compile(r"(?:\$\{[^}]+\})+")

USER_SECTIONS = ("creds", "tts", "stt", "chiptunes")
"""Sections of config.yml that are one person's (facts: installation, class P)."""

USER_KEYS = (("computer", "trusted_dirs"), ("computer", "timezone"), ("agents", "default"))
"""Keys that are one person's inside sections of the system. `agents.default` stays there too, for everyone else."""

KEPT_FOR_EVERYONE = {("agents", "default"), ("computer", "timezone")}

IGNORED_SECTIONS = {
    "database": "located the old database; the new one is named by database.url",
    "polling": "not read since 2026-03-10",
    "mcp": "not read since 2025-12",
    "ui": "not read since 2026-02",
    "summarizer": "not read since 2026-02",
}

PLAIN_VARIABLES = re.compile(
    r"WHATSAPP_TEMPLATE_(NAME|LANGUAGE)|TELECLAUDE_LOG_LEVEL|WORKING_DIR|API_(TCP_PORT|WATCH_.*|RESTART_.*|WS_.*)"
    r"|HOOK_OUTBOX_.*|CODEX_TRANSCRIPT_WATCH_INTERVAL_S|GEMINI_START_EXTRA_DELAY_S|TELECLAUDE_MLX_.*|APPEARANCE_MODE"
)
"""Variables that are nobody's secret (facts: installation, environment variables); every other name counts as one."""

OUR_OWN = frozenset({"environment", "profiles", "config.yml", "teleclaude.yml"})
"""Keys that mean something new here; what an old file has under them is kept under the name of that file."""

OLD_PLACES = {
    "TELECLAUDE_DB_PATH",
    "TELECLAUDE_CONFIG_PATH",
    "TELECLAUDE_ENV_PATH",
    "TELECLAUDE_PROJECT_CONFIG_PATH",
    "TELECLAUDE_SESSION_TMPDIR_BASE",
}
"""Variables that say where the old installation lives, and would mislead the new one."""


@dataclass(frozen=True)
class Installation:
    """What the files of a single-user installation say."""

    config: Mapping[str, Any]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    everyone: Mapping[str, Any] = field(default_factory=dict)
    """`teleclaude.yml` of the home: people, hooks, jobs."""
    persons: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`people/<name>/teleclaude.yml`, by the name of the folder."""
    experiments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Split:
    """The three layers, and what no layer carries with the reason."""

    system: dict[str, Any]
    secrets: dict[str, Any] = field(repr=False)
    user: dict[str, Any]
    left: tuple[tuple[str, str], ...]


def split(old: Installation, person: str | None, database_url: str | None = None) -> Split:
    """Return `old` as three layers.

    `person` is the one whose own settings become the user's layer; what the folders of other people hold goes whole to
    `profiles` in the secrets, because it names their accounts. `database_url` may carry a password.
    """
    system = _system_layer(old, database_url)
    own = dict(old.persons.get(person, {})) if person else {}
    profiles = {name: dict(values) for name, values in old.persons.items() if name != person and values}
    if "invite_token" in own:
        profiles[person or ""] = {"invite_token": own.pop("invite_token")}
    user = merge(_user_layer(old.config), own)
    variables: dict[str, Any] = dict(old.environment)
    system, user = (_take_secrets(layer, variables) for layer in (system, user))
    plain = {
        name: value for name, value in variables.items() if PLAIN_VARIABLES.fullmatch(name) and not is_secret(name)
    }
    private = {name: value for name, value in variables.items() if name not in plain and name not in OLD_PLACES}
    return Split(
        system=merge(system, {"environment": plain} if plain else {}),
        secrets=({"environment": private} if private else {}) | ({"profiles": profiles} if profiles else {}),
        user=user,
        left=tuple(_left(old)),
    )


def _system_layer(old: Installation, database_url: str | None) -> dict[str, Any]:
    elsewhere = {*USER_SECTIONS, *IGNORED_SECTIONS, *OUR_OWN}
    config = {key: value for key, value in old.config.items() if key not in elsewhere}
    theirs = {key: value for key, value in old.config.items() if key in OUR_OWN}
    for section, key in USER_KEYS:
        if (section, key) not in KEPT_FOR_EVERYONE and isinstance(config.get(section), dict):
            config[section] = {name: value for name, value in config[section].items() if name != key}
    if old.experiments:
        standing = config.get("experiments")
        config["experiments"] = [*(standing if isinstance(standing, list) else []), *old.experiments]
    clash = {key: value for key, value in old.everyone.items() if key in config or key in OUR_OWN}
    everyone = {key: value for key, value in old.everyone.items() if key not in clash}
    database = {"database": {"url": database_url}} if database_url else {}
    kept = {name: values for name, values in (("config.yml", theirs), ("teleclaude.yml", clash)) if values}
    return {**database, **config, **everyone, **kept}


def _user_layer(config: Mapping[str, Any]) -> dict[str, Any]:
    user = {key: config[key] for key in USER_SECTIONS if key in config}
    for section, key in USER_KEYS:
        values = config.get(section)
        if isinstance(values, dict) and key in values:
            user[section] = {**user.get(section, {}), key: values[key]}
    return user


def _left(old: Installation) -> Iterator[tuple[str, str]]:
    for section, reason in IGNORED_SECTIONS.items():
        if section in old.config:
            yield f"config.yml: {section}", reason
    for name in sorted(OLD_PLACES & set(old.environment)):
        yield f".env: {name}", "says where the old installation lives"


def is_secret(name: str) -> bool:
    """Whether a name says that its value is a secret, however its words are joined."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).lower().strip("_")
    return words not in NO_SECRET and SECRET_WORDS.search(words) is not None


def _take_secrets(layer: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    """Return `layer` with every secret replaced by a reference; `variables` receives the values."""

    def put(path: tuple[str, ...], value: Any) -> str:
        name = SECRET_PREFIX + "_".join(re.sub(r"\W", "_", part, flags=re.ASCII).upper() for part in path)
        while name in variables and repr(variables[name]) != repr(value):
            name += "_"
        variables[name] = value
        return f"${{{name}}}"

    def put_part(path: tuple[str, ...], match: re.Match[str]) -> str:
        secret = match["user_secret"] or match["name_secret"] or match["query_secret"]
        before = match["before"] or match["scheme"] or match["name"]
        return before + (secret if ONLY_REFERENCES.fullmatch(secret) else put((*path, "secret"), secret))

    def walk(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: walk(item, (*path, str(key))) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, str(index))) for index, item in enumerate(value)]
        if value is None or isinstance(value, bool) or value == "" or ONLY_REFERENCES.fullmatch(str(value)):
            return value
        if any(is_secret(part) for part in path):
            return put(path, value)
        return URL_SECRET.sub(partial(put_part, path), value) if isinstance(value, str) else value

    return {key: walk(value, (str(key),)) for key, value in layer.items()}
