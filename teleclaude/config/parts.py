"""Parts a layer into what everybody may read and the rest. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from teleclaude.config import secrecy
from teleclaude.config.known import NAME, PERSON, SYSTEM, Form, Free, find_item, find_leaf, find_section
from teleclaude.config.layers import PEOPLE_EXTRA, SECRET_PREFIX

NOTHING: Any = object()
"""Stands for a part that does not exist; None is a value."""


class Parts:
    """Parts a layer: what everybody may read, with references for secrets, and the rest, at the same paths."""

    def __init__(self, variables: dict[str, Any], known: frozenset[str], mentioned: frozenset[str]) -> None:
        self.variables = variables
        self._known = known
        self._mentioned = mentioned

    def of(self, layer: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the public and the private part of a layer."""
        people = layer.get("people")
        if not _have_names(people, self._known):
            return self._mapping(layer, SYSTEM, ())
        assert isinstance(people, list)
        parts = [self._mapping(person, PERSON, ("people", str(place))) for place, person in enumerate(people)]
        public, private = self._mapping({key: layer[key] for key in layer if key != "people"}, SYSTEM, ())
        extra = {open_["name"]: rest for open_, rest in parts if rest}
        return public | {"people": [open_ for open_, _ in parts]}, private | ({PEOPLE_EXTRA: extra} if extra else {})

    def _mapping(
        self, values: Mapping[Any, Any], form: Form, path: tuple[str, ...]
    ) -> tuple[dict[Any, Any], dict[Any, Any]]:
        public: dict[Any, Any] = {}
        private: dict[Any, Any] = {}
        for key, value in values.items():
            inner = self._form_below(form, key)
            found, rest = (NOTHING, value) if inner is None else self._part(value, inner, (*path, key))
            public |= {} if found is NOTHING else {key: found}
            private |= {} if rest is NOTHING else {key: rest}
        return public, private

    def _form_below(self, form: Form, key: Any) -> Form | None:
        if isinstance(form, Free):
            is_name = isinstance(key, str) and NAME.fullmatch(key) and not secrecy.has_secret(key, self._known)
            return form.item if is_name else None
        return form.get(key) if isinstance(form, dict) else None

    def _part(self, value: Any, form: Form, path: tuple[str, ...]) -> tuple[Any, Any]:
        if isinstance(value, dict):
            inner = find_section(form)
            if inner is None:
                return NOTHING, value
            public, private = self._mapping(value, inner, path)
            return (NOTHING if private and not public else public), private or NOTHING
        if isinstance(value, list):
            return self._list(value, find_item(form), path)
        leaf = find_leaf(form, value)
        if leaf is None and value is not None:
            return NOTHING, value
        return (value if leaf is None else self._without_secret(value, path, secret=leaf.secret)), NOTHING

    def _list(self, values: list[Any], form: Form | None, path: tuple[str, ...]) -> tuple[Any, Any]:
        if form is None:
            return NOTHING, values
        before = dict(self.variables)
        parts = [self._part(value, form, (*path, str(place))) for place, value in enumerate(values)]
        if any(private is not NOTHING for _, private in parts):
            self.variables = before
            return NOTHING, values
        return [public for public, _ in parts], NOTHING

    def _without_secret(self, value: Any, path: tuple[str, ...], *, secret: bool) -> Any:
        if secrecy.is_no_value(value):
            return value
        if secret or secrecy.is_login(path[-1], value) or self._tells(value):
            return self._put(path, value)
        return secrecy.URL_SECRET.sub(partial(self._put_part, path), value) if isinstance(value, str) else value

    def _tells(self, value: Any) -> bool:
        bare = secrecy.URL_SECRET.sub(lambda match: secrecy.url_secret(match)[0], str(value))
        return secrecy.looks_secret(bare, self._known)

    def _put(self, path: tuple[str, ...], value: Any) -> str:
        name = SECRET_PREFIX + "_".join(re.sub(r"\W", "_", part, flags=re.ASCII).upper() for part in path)
        while name in self._mentioned or (name in self.variables and repr(self.variables[name]) != repr(value)):
            name += "_"
        self.variables[name] = value
        return f"${{{name}}}"

    def _put_part(self, path: tuple[str, ...], match: re.Match[str]) -> str:
        before, secret = secrecy.url_secret(match)
        return before + (secret if secrecy.ONLY_REFERENCES.fullmatch(secret) else self._put((*path, "secret"), secret))


def _have_names(people: Any, known: Collection[str]) -> bool:
    """Whether `people` is a list whose entries have names that differ, by which the rest of them can be put back."""
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        return False
    names = [person.get("name") for person in people]
    usable = all(isinstance(name, str) and name and not secrecy.has_secret(name, known) for name in names)
    return usable and len(set(names)) == len(names)
