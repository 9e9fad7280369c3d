"""References to the old program in the settings of the agents: hooks, tool servers, notifiers (facts: installation)."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from teleclaude.errors import SourceError
from teleclaude.migration.discover.old_paths import OldPaths
from teleclaude.migration.discover.problems import SETTINGS_UNCLEAR
from teleclaude.migration.report.events import Finding, warning
from teleclaude.migration.source.files import CONFIG_LIMIT, read_file
from teleclaude.migration.source.installation import Places
from teleclaude.migration.source.inventory import Kind, Reference
from teleclaude.migration.source.privsep import Privsep

_SETTINGS = (".claude/settings.json", ".claude/settings.local.json", ".claude.json", ".gemini/settings.json")
_TOML_SETTINGS = (".codex/config.toml",)

_RUN_BY_AGENTS = frozenset(
    {"hooks", "mcpServers", "mcp_servers", "statusLine", "apiKeyHelper", "notify", "env", "command", "args"}
)
"""Keys of what an agent runs; below other keys a path is a project or a memory, which is the user's."""

_EXACT = 2**53
"""jq rounds larger integers (up to 1.6), because it reads every number as a double."""

_LONGEST_ENTRY = 100
"""Lines; a person removes a longer entry of TOML."""

_Keys = tuple[str | int, ...]


def find_hooks(privsep: Privsep, places: Places, old_paths: OldPaths) -> Iterator[Reference | Finding]:
    """Yield the references in the settings of the agents, and a warning for each file that cannot be read."""
    for name in (*_SETTINGS, *_TOML_SETTINGS):
        path = places.home / name
        try:
            find = _in_toml if name in _TOML_SETTINGS else _in_json
            yield from find(path, read_file(privsep, path, CONFIG_LIMIT), old_paths)
        except FileNotFoundError:
            continue
        except SourceError as error:
            yield warning("cutover", error.problem)
        except (ValueError, RecursionError) as error:
            # The rest of a decoder's message may quote the file.
            line = re.search(r"line \d+", str(error))
            place = f", {line[0]}" if line else ""
            yield warning("cutover", SETTINGS_UNCLEAR.fill(path=path, place=place, checkout=places.checkout))


def _in_json(path: Path, content: bytes, old_paths: OldPaths) -> Iterator[Reference]:
    integers: list[str] = []
    document = json.loads(content, parse_int=integers.append)
    exact = all(abs(int(digits)) < _EXACT for digits in integers)
    for keys, value in _run(document, old_paths):
        yield Reference(Kind.AGENT_HOOK, path, old_paths.shown(value), keys=keys, clear=exact)


def _in_toml(path: Path, content: bytes, old_paths: OldPaths) -> Iterator[Reference]:
    text = content.decode()
    for keys, value in _run(tomllib.loads(text), old_paths):
        lines = find_lines(text, keys)
        yield Reference(Kind.AGENT_HOOK, path, old_paths.shown(value), lines, keys, clear=lines is not None)


def _run(document: Any, old_paths: OldPaths) -> Iterator[tuple[_Keys, str]]:
    """Yield the entries with which an agent runs the old installation, each once: its keys and its text."""
    found: dict[_Keys, list[str]] = {}
    for keys, value in _walk(document):
        if _RUN_BY_AGENTS.intersection(keys) and old_paths.found_in(value):
            found.setdefault(_entry_of(keys), []).append(value)
    yield from ((keys, " ".join(values)) for keys, values in found.items())


def _walk(value: Any, keys: _Keys = ()) -> Iterator[tuple[_Keys, str]]:
    """Yield every text in a document, in order, with its keys."""
    if isinstance(value, str):
        yield keys, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _walk(item, (*keys, key))


def _entry_of(keys: _Keys) -> _Keys:
    """Return the keys of the entry that is removed as a whole: the hook of a command, the server of an argument."""
    for place, key in enumerate(keys):
        if key in ("mcpServers", "mcp_servers"):
            return keys[: place + 2]
        if key in ("command", "args"):
            return keys[:place]
        if key in ("notify", "apiKeyHelper"):
            return keys[: place + 1]
    return keys


def find_lines(text: str, keys: _Keys) -> tuple[int, int] | None:
    """Return the first and last line of an entry of a TOML file, None where they are not certain.

    They are certain where the file without these lines differs by this entry alone.
    """
    document = tomllib.loads(text)
    inside: Any = document
    for key in keys[:-1]:
        inside = inside[key]
    del inside[keys[-1]]
    lines = text.split("\n")
    name = rf"""["']?{re.escape(str(keys[-1]))}["']?\s*"""
    starts = re.compile(rf"""\s*(?:(?:[\w."' -]+\.\s*)?{name}=|\[[^\]]*\b{name}\])""")
    for first in (place for place, line in enumerate(lines) if starts.match(line)):
        for last in range(first + 1, min(first + _LONGEST_ENTRY, len(lines)) + 1):
            with suppress(ValueError):
                rest = tomllib.loads("\n".join([*lines[:first], *lines[last:]]))
                if _without_empty(rest) == _without_empty(document):
                    return first + 1, last
    return None


def _without_empty(value: Any) -> Any:
    """Return a document without empty tables, such as one whose only entry was removed."""
    if not isinstance(value, dict):
        return value
    kept = {key: _without_empty(item) for key, item in value.items()}
    return {key: item for key, item in kept.items() if item != {}}
