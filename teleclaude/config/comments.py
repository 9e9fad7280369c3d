"""The comments of old files, found and quoted. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

import yaml

from teleclaude.printable import printable


def quote_comments(name: str, text: str) -> str:
    """Return the comments of the YAML file `name`, each with its line or the line above which it stands, as comments.

    The text is that of a file that could be read.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    found = {
        text.count("\n", 0, start): text[text.rfind("\n", 0, start) + 1 : start] for start, _ in find_comments(text)
    }
    alone = {line for line, before in found.items() if not before.strip()}
    return quote_lines(name, text.split("\n"), alone, found.keys() - alone)


def quote_lines(name: str, lines: Sequence[str], alone: Collection[int], beside: Collection[int]) -> str:
    """Return as comments the lines `alone`, each group with the next line, and those with one `beside` a value."""
    kept, waiting = [], False
    for number, line in enumerate(lines):
        if number in alone or number in beside or (waiting and line.strip()):
            kept.append(printable(line.replace("\t", "  ").rstrip()))
        waiting = number in alone or (waiting and not line.strip())
    title = f"Comments of the old {name}, with the lines that they are about:"
    return as_comment("\n".join((title, *kept))) if kept else ""


def as_comment(text: str) -> str:
    """Return a text as lines of comments."""
    return "".join(f"# {line}\n" for line in text.splitlines())


def find_comments(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each comment begins and ends: text from a `#` on, between the tokens of PyYAML."""
    at = 0
    try:
        tokens = [(token.start_mark.index, token.end_mark.index) for token in yaml.scan(text, yaml.SafeLoader)]
    except yaml.YAMLError:
        return
    for start, end in [*tokens, (len(text), len(text))]:
        for match in re.compile(r"#[^\n]*").finditer(text, at, max(start, at)):
            yield match.start(), match.end()
        at = max(at, end)
