"""What the settings of the agents run of the old program: hooks, tool servers, notifiers (facts: installation)."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from teleclaude.errors import SourceError
from teleclaude.migration.discover.references import Mentions
from teleclaude.migration.source.files import CONFIG_LIMIT, read_file
from teleclaude.migration.source.inventory import Kind, Places, Reference
from teleclaude.migration.source.privsep import Privsep

SETTINGS = (".claude/settings.json", ".claude/settings.local.json", ".claude.json", ".gemini/settings.json")
TOML_SETTINGS = (".codex/config.toml",)

RUN_BY_AGENTS = frozenset(
    {"hooks", "mcpServers", "mcp_servers", "statusLine", "apiKeyHelper", "notify", "env", "command", "args"}
)
"""Keys below which an agent takes what it runs; elsewhere a path is a project or a memory, and is the user's."""

EXACT = 2**53
"""jq rounds larger integers (up to 1.6), because it takes every number for a double."""

Keys = tuple[str | int, ...]


def find_hooks(privsep: Privsep, places: Places, mentions: Mentions) -> Iterator[Reference | SourceError]:
    """Yield what leads to the old program in the settings of the agents, and an error for each that cannot be read."""
    for name in (*SETTINGS, *TOML_SETTINGS):
        path = places.home / name
        try:
            content = read_file(privsep, path, CONFIG_LIMIT)
            yield from _in_toml(path, content, mentions) if name in TOML_SETTINGS else _in_json(path, content, mentions)
        except FileNotFoundError:
            continue
        except SourceError as error:
            yield error
        except (ValueError, RecursionError) as error:
            # Of a decoder's message only the place: the rest may quote the file.
            place = re.search(r"line \d+", str(error))
            said = f"{path} cannot be understood{f', {place[0]}' if place else ''}"
            yield SourceError(said, f"see whether it names {places.checkout}, and take that out")


def _in_json(path: Path, content: bytes, mentions: Mentions) -> Iterator[Reference]:
    numbers: list[int] = []

    def count(digits: str) -> int:
        numbers.append(int(digits))
        return numbers[-1]

    document = json.loads(content, parse_int=count)
    exact = all(abs(number) < EXACT for number in numbers)
    for keys, value in _run(document, mentions):
        yield Reference(Kind.AGENT_HOOK, path, mentions.shown(value), keys=keys, clear=exact)


def _in_toml(path: Path, content: bytes, mentions: Mentions) -> Iterator[Reference]:
    text = content.decode()
    for keys, value in _run(tomllib.loads(text), mentions):
        lines = find_lines(text, keys)
        yield Reference(Kind.AGENT_HOOK, path, mentions.shown(value), lines, keys, clear=lines is not None)


def _run(document: Any, mentions: Mentions) -> Iterator[tuple[Keys, str]]:
    """Yield what an agent runs of the old installation, each entry once, and the way to the entry."""
    found: dict[Keys, list[str]] = {}
    for keys, value in walk(document):
        if RUN_BY_AGENTS.intersection(keys) and mentions.found_in(value):
            found.setdefault(entry_of(keys), []).append(value)
    yield from ((keys, " ".join(values)) for keys, values in found.items())


def walk(document: Any) -> Iterator[tuple[Keys, str]]:
    """Yield every text in a document, in order, with the way to it."""
    waiting: list[tuple[Keys, Any]] = [((), document)]
    while waiting:
        keys, value = waiting.pop()
        if isinstance(value, str):
            yield keys, value
        elif isinstance(value, dict | list):
            inside = value.items() if isinstance(value, dict) else enumerate(value)
            waiting.extend(reversed([((*keys, key), item) for key, item in inside]))


def entry_of(keys: Keys) -> Keys:
    """Return the way to what has to go as a whole: the hook of a command, the server of an argument."""
    for place, key in enumerate(keys):
        if key in ("mcpServers", "mcp_servers"):
            return keys[: place + 2]
        if key in ("command", "args"):
            return keys[:place]
        if key in ("notify", "apiKeyHelper"):
            return keys[: place + 1]
    return keys


def find_lines(text: str, keys: Keys) -> tuple[int, int] | None:
    """Return the lines of a TOML file that an entry takes up alone, None where that is not clear.

    It is clear where without them the file says the same but for the entry.
    """
    document = tomllib.loads(text)
    inside: Any = document
    for key in keys[:-1]:
        inside = inside[key]
    del inside[keys[-1]]
    lines = text.split("\n")
    for first, last in _candidates(lines, keys):
        rest = "\n".join([*lines[: first - 1], *lines[last:]])
        try:
            if _without_empty(tomllib.loads(rest)) == _without_empty(document):
                return first, last
        except ValueError:
            continue
    return None


def _candidates(lines: list[str], keys: Keys) -> Iterator[tuple[int, int]]:
    """Yield the lines that set the last key, and the tables of its name with everything up to the next one."""
    name = rf"""["']?{re.escape(str(keys[-1]))}["']?\s*"""
    for number, line in enumerate(lines, 1):
        if re.match(rf"\s*(?:[\w.\"' -]+\.\s*)?{name}=", line):
            ends = (end for end in range(number, len(lines) + 1) if "]" in lines[end - 1])
            yield number, number
            yield number, next(ends, number)
        elif re.match(rf"\s*\[[^\]]*\b{name}\]", line):
            yield number, _end_of_table(lines, number, str(keys[-1]))


def _end_of_table(lines: list[str], first: int, name: str) -> int:
    last = first
    for number in range(first + 1, len(lines) + 1):
        line = lines[number - 1].strip()
        if line.startswith("[") and f"{name}." not in line:
            break
        if line and not line.startswith("#"):
            last = number
    return last


def _without_empty(value: Any) -> Any:
    """Return a document without the tables that hold nothing, such as one whose only entry went."""
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item != {}}
