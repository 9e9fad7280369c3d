"""Everything that the configuration of the system may hold, and the types of its values (facts: installation). Pure.

A mapping of names is a section; `Free` is a map whose keys are free; a list holds the type of its items; a tuple holds
alternatives. Whatever is not here is unknown, and nobody but the daemon reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from teleclaude.config.secrecy import ONLY_REFERENCES


@dataclass(frozen=True)
class Leaf:
    """A single value; `fits` says whether it has the type."""

    fits: Callable[[Any], bool]
    secret: bool = False


@dataclass(frozen=True)
class Free:
    """A map with free names as keys."""

    item: Form


Form: TypeAlias = "Leaf | Free | dict[str, Form] | list[Form] | tuple[Form, ...]"

NAME = re.compile(r"[\w][\w .:/@-]{0,79}")
"""A name that somebody chose for an entry of a map."""


def _matches(form: str) -> Leaf:
    return Leaf(lambda value: isinstance(value, str) and re.fullmatch(form, value) is not None)


_TEXT = Leaf(lambda value: isinstance(value, str))
_SECRET = Leaf(lambda value: isinstance(value, str | int | float), secret=True)
_SWITCH = Leaf(lambda value: isinstance(value, bool))
_NUMBER = Leaf(lambda value: isinstance(value, int | float) and not isinstance(value, bool))
_ID = (_NUMBER, _matches(r"-?\d{1,25}"))
_WORD = _matches(r"[A-Za-z][a-z_]{0,20}")
_AGENT = _matches("claude|gemini|codex")
_LEVEL = _matches("novice|intermediate|advanced|expert")
_EXPERTISE = Free((_LEVEL, Free(_LEVEL)))
_TIME: tuple[Form, ...] = (_NUMBER, _matches(r"\d{1,2}:\d\d"))

_TIMES: Form = [_TIME]

_WHEN: Form = {
    "every": _matches(r"\d+[mhd]"),
    "at": (*_TIME, _TIMES),
    "weekdays": [(_matches("(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}"), _NUMBER)],
}

_JOB: Form = {
    "category": _matches("subscription|system"),
    "when": _WHEN,
    "schedule": _matches("hourly|daily|weekly|monthly"),
    **dict.fromkeys(("preferred_hour", "preferred_weekday", "preferred_day", "timeout"), _NUMBER),
    **dict.fromkeys(("type", "script", "job", "agent", "thinking_mode", "message"), _TEXT),
    "tags": [_TEXT],
}

_NOTIFICATION: Form = {"preferred_channel": _matches("telegram|discord|whatsapp|email"), "email": _TEXT}

_SUBSCRIPTION: Form = {
    "type": _matches("job|youtube"),
    "job": _TEXT,
    "when": _WHEN,
    "source": _TEXT,
    "tags": [_TEXT],
    "enabled": _SWITCH,
    "notification": _NOTIFICATION,
}

_HOOKS: Form = {
    "inbound": Free({"path": _TEXT, "verify_token": _SECRET, "secret": _SECRET, "normalizer": _WORD}),
    "subscriptions": [{"id": _TEXT, "contract": {}, "target": {"handler": _TEXT, "url": _TEXT, "secret": _SECRET}}],
}

PERSON: Form = {
    **dict.fromkeys(("name", "email", "username"), _TEXT),
    "role": _matches("admin|member|contributor|newcomer"),
    "expertise": _EXPERTISE,
    "proficiency": _LEVEL,
}

SYSTEM: dict[str, Form] = {
    "database": {"url": _TEXT},
    "computer": {
        **dict.fromkeys(("name", "user", "timezone", "default_working_dir", "host", "bot_username"), _TEXT),
        "role": _WORD,
        "is_master": _SWITCH,
    },
    "telegram": {"trusted_bots": [_TEXT]},
    "discord": {
        "enabled": _SWITCH,
        "token": _SECRET,
        "guild_id": _ID,
        **{
            f"{channel}_channel_id": _ID
            for channel in ("help_desk", "escalation", "all_sessions", "operator_chat", "announcements", "general")
        },
        "categories": Free(_ID),
    },
    "whatsapp": {
        "enabled": _SWITCH,
        "phone_number_id": _ID,
        **dict.fromkeys(("access_token", "webhook_secret", "verify_token"), _SECRET),
        "template_name": _TEXT,
        "template_language": _matches(r"[A-Za-z]{2,3}([_-][A-Za-z]{2,4})?"),
    },
    "redis": {
        "enabled": _SWITCH,
        "url": _TEXT,
        "password": _SECRET,
        **dict.fromkeys(("max_connections", "socket_timeout"), _NUMBER),
        **dict.fromkeys(("message_stream_maxlen", "output_stream_maxlen", "output_stream_ttl"), _NUMBER),
    },
    "agents": {"default": _AGENT, **{name: {"enabled": _SWITCH} for name in ("claude", "gemini", "codex")}},
    "terminal": {"strip_ansi": _SWITCH},
    "experiments": [{"name": _TEXT, "agents": [_AGENT], "adapters": [_WORD]}],
    "project_name": _TEXT,
    "description": _TEXT,
    "business": {"domains": Free(_TEXT)},
    "hooks": _HOOKS,
    "jobs": Free(_JOB),
    "git": {"checkout_root": _TEXT},
    "deployment": {"channel": _matches("alpha|beta|stable"), "pinned_minor": (_NUMBER, _matches(r"[\d.]{1,20}"))},
    "people": [PERSON],
    "audit": {"keep_days": _NUMBER},
    "sessions": {"idle_hours": _NUMBER},
    "subscriptions": [_SUBSCRIPTION],
    "interests": ([_TEXT], {"tags": [_TEXT]}),
    "event_domains": {
        "enabled": _SWITCH,
        **dict.fromkeys(("base_path", "personal_base_path", "helpdesk_path"), _TEXT),
        "domains": Free({"enabled": _SWITCH}),
    },
}


def find_leaf(form: Form, value: Any) -> Leaf | None:
    """Return the type that a single value has, None where it has none of those; nothing and references fit each."""
    for one in form if isinstance(form, tuple) else (form,):
        if isinstance(one, tuple):
            found = find_leaf(one, value)
            if found is not None:
                return found
        elif isinstance(one, Leaf) and (is_open(value) or one.fits(value)):
            return one
    return None


def is_open(value: Any) -> bool:
    """Whether a value fits everywhere: nothing, an empty text, or references alone."""
    return value is None or value == "" or (isinstance(value, str) and ONLY_REFERENCES.fullmatch(value) is not None)


def find_section(form: Form) -> dict[str, Form] | Free | None:
    """Return the alternative that is a mapping, None where there is none."""
    alternatives = form if isinstance(form, tuple) else (form,)
    return next((one for one in alternatives if isinstance(one, dict | Free)), None)


def find_item(form: Form) -> Form | None:
    """Return the type of an item where a list is possible, None where it is not."""
    alternatives = form if isinstance(form, tuple) else (form,)
    return next((one[0] for one in alternatives if isinstance(one, list)), None)
