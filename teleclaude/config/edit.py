"""Writes values as YAML on the ground of old text, so that its comments and its order stay. Pure.

PyYAML says where every value stands in the old text; what changed is replaced there, what went is cut out with the
comments above it. The result counts only if it reads as exactly the values; else they are written anew, and the
comments are lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

_WIDTH = 110


@dataclass(frozen=True)
class Written:
    """YAML text; `comments_left` says why comments of the old text are not in it, None where all are."""

    text: str
    comments_left: str | None = None


@dataclass(frozen=True)
class _Cut:
    """A stretch of the old text, and what takes its place."""

    start: int
    end: int
    instead: str


class _NotEditableError(Exception):
    """The old text has a form that this module does not change in place."""


def _require(holds: bool) -> None:
    if not holds:
        raise _NotEditableError


def to_yaml(values: Mapping[Any, Any], heading: str) -> str:
    """Return `values` as YAML below the comment `heading`, keys in their order.

    Letters of all scripts stay readable, unless they would be read back as others (PyYAML folds U+0085 to a space).
    """
    return _comment(heading) + _dump(values)


def rewrite(texts: Sequence[str], values: Mapping[Any, Any], heading: str, tells: Callable[[str], bool]) -> Written:
    """Return `values` as YAML below `heading`, with the entries that the old `texts` have written as they are there.

    Comments of which `tells` says that they may hold a secret are left out.
    """
    had_comments = any(True for text in texts for _ in _find_comments(text))
    try:
        body, hidden = _without(_edit_all(texts, values), tells)
        _require(same(yaml.safe_load(body) or {}, dict(values)) and not any(map(tells, _anchors(body))))
    except (_NotEditableError, yaml.YAMLError, ValueError):
        return Written(to_yaml(values, heading), "its YAML had to be written anew" if had_comments else None)
    return Written(_comment(heading) + body, f"{hidden} may hold a secret" if hidden else None)


def _comment(heading: str) -> str:
    return "".join(f"# {line}\n" for line in heading.splitlines())


def _dump(values: Any, *, flow: bool | None = False) -> str:
    width = float("inf") if flow else _WIDTH
    for unicode in (True, False):
        body = yaml.safe_dump(values, sort_keys=False, allow_unicode=unicode, width=width, default_flow_style=flow)
        if same(yaml.safe_load(body), values):
            break
    return body.removesuffix("...\n")


def same(one: Any, other: Any) -> bool:
    """Whether two values read from YAML are the same, types included; keys in any order, NaN is itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(key in other and same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return repr(one) == repr(other)


def _edit_all(texts: Sequence[str], values: Mapping[Any, Any]) -> str:
    remaining = dict(values)
    parts = []
    for text in texts:
        part, used = _edit(text.removeprefix("\ufeff").replace("\r\n", "\n"), remaining)
        parts.append(part if part.endswith("\n") or not part else f"{part}\n")
        remaining = {key: value for key, value in remaining.items() if key not in used}
    return (_dump(remaining) if remaining else "") + "".join(parts) or "{}\n"


def _edit(text: str, values: Mapping[Any, Any]) -> tuple[str, set[Any]]:
    """Return `text` with the entries that `values` has, as it has them, and their keys."""
    node, old = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    if node is None:
        return text, set()
    if not isinstance(node, yaml.MappingNode) or node.flow_style or re.search(r"^(---|\.\.\.|%)", text, re.MULTILINE):
        raise _NotEditableError
    used = {key for key in old if key in values}
    cuts = sorted(_edit_mapping(text, node, old, {key: values[key] for key in used}), key=lambda cut: cut.start)
    parts, at = [], 0
    for cut in cuts:
        _require(cut.start >= at)
        parts += [text[at : cut.start], cut.instead]
        at = cut.end
    return "".join([*parts, text[at:]]), used


def _edit_mapping(text: str, node: yaml.MappingNode, old: dict[Any, Any], new: dict[Any, Any]) -> Iterator[_Cut]:
    keys = [_key(key) for key, _ in node.value]
    for place, (key_node, value_node) in enumerate(node.value):
        key = keys[place]
        if key not in new or key in keys[place + 1 :]:
            # Of a key that stands twice the last counts; the first may still hold a secret.
            yield _cut_entry(text, key_node, value_node)
        else:
            try:
                yield from list(_edit_value(text, key_node, value_node, old[key], new[key]))
            except _NotEditableError:
                yield _replace(text, key_node, value_node, new[key])


def _key(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode) or node.tag.endswith((":merge", ":value")):
        raise _NotEditableError
    return yaml.SafeLoader("").construct_object(node)


def _edit_value(text: str, key: yaml.Node, node: yaml.Node, old: Any, new: Any) -> Iterator[_Cut]:
    if node.start_mark.index < key.end_mark.index:
        # An alias: what it stands for is written elsewhere.
        _require(same(old, new))
    elif isinstance(node, yaml.MappingNode) and isinstance(new, dict) and new and not node.flow_style:
        if set(new) - set(old):
            yield _replace(text, key, node, new)
        else:
            yield from _edit_mapping(text, node, old, new)
    elif isinstance(node, yaml.SequenceNode) and isinstance(new, list) and new and not node.flow_style:
        yield from _edit_list(text, key, node, old, new)
    elif not same(old, new) or _has_twice(node):
        yield _replace(text, key, node, new)


def _has_twice(node: yaml.Node) -> bool:
    """Whether a key stands twice anywhere in a flow collection."""
    if isinstance(node, yaml.SequenceNode):
        return any(_has_twice(item) for item in node.value)
    if isinstance(node, yaml.MappingNode):
        keys = [_key(key) for key, _ in node.value]
        return len(set(keys)) < len(keys) or any(_has_twice(item) for _, item in node.value)
    return False


def _edit_list(text: str, key: yaml.Node, node: yaml.SequenceNode, old: list[Any], new: list[Any]) -> Iterator[_Cut]:
    if len(old) != len(new):
        yield _replace(text, key, node, new)
        return
    before = key
    for item, one, other in zip(node.value, old, new, strict=True):
        if item.start_mark.index < before.end_mark.index and not same(one, other):
            raise _NotEditableError
        plain_mapping = isinstance(item, yaml.MappingNode) and isinstance(other, dict) and not item.flow_style
        if plain_mapping and set(one) == set(other):
            yield from _edit_mapping(text, item, one, other)
        elif not same(one, other) or _has_twice(item):
            yield _Cut(item.start_mark.index, _end(text, item), _dump(other, flow=True).strip())
        before = item


def _replace(text: str, key: yaml.Node, node: yaml.Node, new: Any) -> _Cut:
    """Write a value anew behind its key: in its line, or as a block below it."""
    if node.start_mark.index < key.end_mark.index:
        # An alias, which PyYAML gives the place of what it stands for.
        alias = re.compile(r"\s*:\s*\*[^\s,\]}]+").match(text, key.end_mark.index)
        _require(alias is not None)
        end = alias.end() if alias else 0
    else:
        end = _end(text, node)
    if isinstance(node, yaml.ScalarNode) and node.style not in ("|", ">") and node.start_mark.line == key.end_mark.line:
        return _Cut(node.start_mark.index, end, _dump(new, flow=True).strip())
    if isinstance(new, dict | list) and new:
        indent = " " * (key.start_mark.column + 2)
        block = "".join(f"\n{indent}{line}" for line in _dump(new).splitlines())
        return _Cut(key.end_mark.index, end, f":{block}")
    return _Cut(key.end_mark.index, end, f": {_dump(new, flow=True).strip()}")


def _end(text: str, node: yaml.Node) -> int:
    """Return where the last value inside a node ends; PyYAML lets a block end where the next thing begins."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    return len(text[: node.end_mark.index].rstrip())


def _cut_entry(text: str, key: yaml.Node, node: yaml.Node) -> _Cut:
    """Cut an entry with the comments right above it, what follows in its line, and deeper comments below it."""
    line_start = text.rfind("\n", 0, key.start_mark.index) + 1
    if text[line_start : key.start_mark.index].strip():
        raise _NotEditableError
    start = line_start
    while start and re.match(r"[ \t]*#", above := text[text.rfind("\n", 0, start - 1) + 1 : start]):
        if len(above) - len(above.lstrip()) != key.start_mark.column:
            break
        start -= len(above)
    end = max(_end(text, node), key.end_mark.index)
    end = len(text) if (line_end := text.find("\n", end)) < 0 else line_end + 1
    deeper = re.compile(rf"(?:[ \t]*\n)*[ ]{{{key.start_mark.column + 1},}}#[^\n]*(?:\n|$)")
    while match := deeper.match(text, end):
        end = match.end()
    return _Cut(start, end, "")


def _find_comments(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each comment begins and ends: what stands behind `#` between the tokens of PyYAML."""
    at = 0
    try:
        tokens = [(token.start_mark.index, token.end_mark.index) for token in yaml.scan(text, yaml.SafeLoader)]
    except yaml.YAMLError:
        return
    for start, end in [*tokens, (len(text), len(text))]:
        for match in re.compile(r"#[^\n]*").finditer(text, at, max(start, at)):
            yield match.start(), match.end()
        at = max(at, end)


def _anchors(text: str) -> Iterator[str]:
    return (token.value for token in yaml.scan(text, yaml.SafeLoader) if isinstance(token, yaml.AnchorToken))


def _without(text: str, tells: Callable[[str], bool]) -> tuple[str, str]:
    """Return `text` without the comments that may tell a secret, and how many there were, in words."""
    told = [(start, end) for start, end in _find_comments(text) if tells(text[start:end])]
    for start, end in reversed(told):
        before = text[:start].rstrip(" \t")
        # A comment in a line of its own goes with its line.
        text = before + text[end + 1 if before[-1:] in ("", "\n") else end :]
    return text, f"{len(told)} of them" if told else ""
