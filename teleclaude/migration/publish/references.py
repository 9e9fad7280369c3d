"""References between snippets, `@~/.teleclaude/docs/…`: those in a copy lead to the new place. Pure.

A reference without a target among the copies stays as it is, and the report names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from os.path import normpath
from pathlib import Path

from teleclaude.printable import printable

_HOMES = r"(?:~[\w-]*+|\$HOME|\$\{HOME\}|(?:/[^\s/@'\"`]++)+?)"
"""A home as people write it; that of another account or computer too, because nobody else can read it."""

_SIGN = r"(?<![\w.+-])(?P<sign>@)"
_SIGN_IN_YAML = rf"(?:{_SIGN}|(?<=[:-]\s)|(?<=['\"\[]))"
"""In YAML a value is a path without a sign too, such as those of `path:`."""

_BESIDE = r"(?P<beside>(?<=@)docs(?!/(?:project|global)/)|(?<=@)\.\.?)(?=/[^\s]{1,200}?\.md)"
"""A place relative to that of the index, or to the snippet. Projects have folders of their own with these two names."""

_BEHIND = r"(?![\w-]|\.\w)(?=(?P<behind>.{0,300}))"

_ENDS = re.compile(r"(?=[^\w./-]|[.-]++(?![\w/])|/(?![\w.])|$)")
"""Where a path in a text may end, such as before the full stop of the sentence."""

_PATH = re.compile(r"[^\s\"'`<>()\[\]{},;|*]*")
_FRONT_MATTER = re.compile(r"---\r?\n.*?\n---", re.DOTALL)

_MOST_LOST = 100
"""References of a snippet; a report with more would help nobody."""

_GONE = "there is no such snippet"
_LEFT_OUT = "{name} is left out: {reason}"


@dataclass(frozen=True)
class Lost:
    """A reference without a target among the copies: its line, itself, and why."""

    line: int
    reference: str
    why: str


@dataclass
class Rewritten:
    """A snippet as it is copied, how many of its references were changed, and those that lead nowhere."""

    content: bytes
    changed: int = 0
    lost: list[Lost] = field(default_factory=list)


class References:
    """What the references of snippets can lead to: `copied` names, and names that are `left` out, with the reason."""

    def __init__(self, places: Iterable[Path], docs: Path, copied: Iterable[Path], left: Mapping[str, str]) -> None:
        """Take the `places` of the old docs, in any home or elsewhere, and `docs`, the new one."""
        known = "|".join(re.escape(str(place)) for place in places)
        paths = rf"(?:(?P<old>{known}|{_HOMES}/\.teleclaude/docs)|{_BESIDE}){_BEHIND}"
        self._in_text, self._in_yaml = re.compile(_SIGN + paths), re.compile(_SIGN_IN_YAML + paths)
        self._docs = str(docs)
        self._names = {str(place) for name in copied for place in (name, *name.parents)}
        self._left = left

    def rewrite(self, name: Path, content: bytes) -> Rewritten:
        """Return a snippet whose references to copies lead to the new place; every other byte is as it was."""
        text, encoding = _decode(content)
        front = _FRONT_MATTER.match(text)
        lines = text.split("\n")
        yaml_lines = len(lines) if name.suffix in (".yaml", ".yml") else front[0].count("\n") if front else 0
        result = Rewritten(b"")
        for place, line in enumerate(lines):
            pattern = self._in_yaml if place < yaml_lines else self._in_text
            lines[place] = pattern.sub(partial(self._replace, name, place + 1, result), line)
        result.content = "\n".join(lines).encode(encoding, "surrogateescape")
        return result

    def _replace(self, name: Path, line: int, result: Rewritten, match: re.Match[str]) -> str:
        beside = match["beside"] or "docs"
        folder = "." if beside == "docs" else f"{name.parent}/{beside}"
        if not self._leads(folder, match["behind"]):
            path = _PATH.match(match["behind"])
            rest = path[0].rstrip(".:!?") if path else ""
            if len(result.lost) < _MOST_LOST:
                result.lost.append(Lost(line, printable(match[0] + rest), self._explain(normpath(folder + rest))))
        elif beside == "docs":
            result.changed += 1
            return f"{match['sign'] or ''}{self._docs}"
        return match[0]

    def _leads(self, folder: str, behind: str) -> bool:
        """Whether the text behind the place of the docs begins with the name of a copy."""
        return any(normpath(f"{folder}/{behind[: end.start()]}") in self._names for end in _ENDS.finditer(behind))

    def _explain(self, name: str) -> str:
        for place in map(printable, (name, *Path(name).parents)):
            if place in self._left:
                return _LEFT_OUT.format(name=place, reason=self._left[place])
        return _GONE


def _decode(content: bytes) -> tuple[str, str]:
    """Return a text from which the same bytes can be made again, and its encoding."""
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(content[:2])
    if encoding:
        with suppress(UnicodeDecodeError):
            return content.decode(encoding), encoding
    return content.decode("utf-8", "surrogateescape"), "utf-8"
