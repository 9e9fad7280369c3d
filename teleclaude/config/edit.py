"""Writes values as YAML into an old text, so that the comments and the order of that text stay. Pure.

PyYAML says where every value is in the old text. A changed value is replaced there, a removed entry is cut out with the
comments above it. The result is taken only if it reads as exactly the values; otherwise they are written anew, without
the comments.

ruamel.yaml cannot do this: it reads YAML 1.2 (`yes` is a text, 010 is ten), refuses repeated keys, indents and spells
anew, and takes a comment above an entry for a part of the entry before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from teleclaude.config.comments import as_comment, find_comments

_WIDTH = 110


@dataclass(frozen=True)
class Written:
    """YAML text; `comments_left` says why comments of the old text are missing, None where none is."""

    text: str
    comments_left: str | None = None


@dataclass(frozen=True)
class _Cut:
    """A part of the old text, and its replacement."""

    start: int
    end: int
    replacement: str


class _NotEditableError(Exception):
    """The old text has a form that this module does not change in place."""


def _require(holds: bool) -> None:
    if not holds:
        raise _NotEditableError


def to_yaml(values: Mapping[Any, Any], heading: str) -> str:
    """Return `values` as YAML below the comment `heading`, keys in their order.

    Letters of all scripts stay readable, unless they would be read back as others (PyYAML folds U+0085 to a space).
    """
    return as_comment(heading) + _dump(values)


def rewrite(texts: Sequence[str], values: Mapping[Any, Any], heading: str) -> Written:
    """Return `values` as YAML below `heading`; entries of the old `texts` are written as they are there."""
    try:
        body = _edit_all(texts, values)
        _require(same(yaml.safe_load(body) or {}, dict(values)))
    except (_NotEditableError, yaml.YAMLError, ValueError):
        had_comments = any(True for text in texts for _ in find_comments(text))
        return Written(to_yaml(values, heading), "its YAML had to be written anew" if had_comments else None)
    return Written(as_comment(heading) + body)


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
    node = yaml.compose(text, yaml.SafeLoader)
    if node is None:
        return text, set()
    # Making values changes a node that merges others, so the values come from nodes of their own where one does.
    old = yaml.safe_load(text) if "<<" in text else yaml.constructor.SafeConstructor().construct_document(node)
    if not isinstance(node, yaml.MappingNode) or node.flow_style or re.search(r"^(---|\.\.\.|%)", text, re.MULTILINE):
        raise _NotEditableError
    used = {key for key in old if key in values}
    cuts = sorted(_edit_mapping(text, node, old, {key: values[key] for key in used}), key=lambda cut: cut.start)
    parts, at = [], 0
    for cut in cuts:
        _require(cut.start >= at)
        parts += [text[at : cut.start], cut.replacement]
        at = cut.end
    return "".join([*parts, text[at:]]), used


def _edit_mapping(text: str, node: yaml.MappingNode, old: dict[Any, Any], new: dict[Any, Any]) -> Iterator[_Cut]:
    keys = [_key(key) for key, _ in node.value]
    for place, (key_node, value_node) in enumerate(node.value):
        key = keys[place]
        if key not in new or key in keys[place + 1 :]:
            # The last value of a repeated key counts; an earlier one may still hold a secret.
            yield _cut_entry(text, key_node, value_node)
            continue
        try:
            yield from list(_edit_value(text, key_node.end_mark.index, value_node, old[key], new[key]))
        except _NotEditableError:
            yield _replace(text, key_node, value_node, new[key])


def _key(node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode) or node.tag.endswith((":merge", ":value")):
        raise _NotEditableError
    return yaml.constructor.SafeConstructor().construct_object(node)


def _edit_value(text: str, after: int, node: yaml.Node, old: Any, new: Any) -> Iterator[_Cut]:
    """Yield the changes inside a value; raise _NotEditableError where it has to be replaced whole."""
    # PyYAML gives an alias the place of its anchor, which is before the key.
    is_alias = node.start_mark.index < after
    if same(old, new) and (is_alias or not _has_repeated_key(node)):
        return
    _require(not is_alias and isinstance(node, yaml.CollectionNode) and not node.flow_style and bool(new))
    if isinstance(node, yaml.MappingNode):
        _require(isinstance(new, dict) and set(new) <= set(old))
        yield from _edit_mapping(text, node, old, new)
    else:
        _require(isinstance(new, list) and len(new) == len(old))
        for item, one, other in zip(node.value, old, new, strict=True):
            yield from _edit_item(text, after, item, one, other)
            after = item.end_mark.index


def _edit_item(text: str, after: int, item: yaml.Node, old: Any, new: Any) -> Iterator[_Cut]:
    try:
        yield from list(_edit_value(text, after, item, old, new))
    except _NotEditableError:
        _require(item.start_mark.index >= after)
        yield _Cut(item.start_mark.index, _end(text, item), _dump(new, flow=True).strip())


def _has_repeated_key(node: yaml.Node) -> bool:
    """Whether any mapping of a value has a key twice."""
    if isinstance(node, yaml.MappingNode):
        keys = [_key(key) for key, _ in node.value]
        return len(set(keys)) < len(keys) or any(_has_repeated_key(value) for _, value in node.value)
    return isinstance(node, yaml.SequenceNode) and any(map(_has_repeated_key, node.value))


def _replace(text: str, key: yaml.Node, node: yaml.Node, new: Any) -> _Cut:
    """Write a value anew behind its key: in its line, or as a block below it."""
    if node.start_mark.index < key.end_mark.index:
        # An alias, which PyYAML gives the place of its anchor.
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
