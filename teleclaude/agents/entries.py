"""Which entries in the settings of an agent are ours, or run the single-user program. Pure.

Ours is what runs `teleclaude hook`, or a receiver of the single-user program in any of its forms.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Keys = tuple[str | int, ...]

_RUN_BY_AGENTS = frozenset(
    {"hooks", "mcpServers", "mcp_servers", "statusLine", "apiKeyHelper", "notify", "env", "command", "args"}
)
"""Keys of what an agent runs; below other keys a path is a project or a memory, which is the user's."""

_NEW = re.compile(r"""teleclaude["']? hook\b""")

_RECEIVER = re.compile(r"\breceiver(?:_claude|_gemini|_codex)?(?:\.py|/__main__\.py)\b")
_OF_AGENTS = re.compile(r"teleclaude|--agent ", re.IGNORECASE)
"""What the command of every release had (facts: hooks), where the folder may have any name."""

_HOME = r"""(?:~|%h|"?\$(?:HOME|\{HOME\})"?)"""
"""The home as shells, systemd and cron write it; a shell may also quote the variable alone."""


@dataclass(frozen=True)
class Ours:
    """What is ours: the words of the command, and the folders of the single-user program."""

    program: tuple[str, ...]
    """The words before `hook`."""
    old: re.Pattern[str] | None = None

    def words(self, agent: str) -> tuple[str, ...]:
        """Return the words of the command for an agent."""
        return (*self.program, "hook", "--agent", agent)

    def command(self, agent: str, event: str) -> str:
        """Return the line that an agent gives to a shell."""
        return f'{shlex.join(self.words(agent))} --cwd "$PWD" {event}'


def make_old_pattern(folders: Sequence[Path], home: Path) -> re.Pattern[str]:
    """Return what finds a path in one of these folders, in every spelling."""
    spellings = {spelling for folder in folders for spelling in _spell(folder, home)}
    # A longer name on either side is another folder.
    return re.compile(rf"(?<![\w.-])(?:{'|'.join(sorted(spellings, key=len, reverse=True))})(?![\w-]|\.\w)")


def _spell(folder: Path, home: Path) -> Iterator[str]:
    yield re.escape(str(folder))
    if home in folder.parents:
        yield f"{_HOME}/{re.escape(str(folder.relative_to(home)))}"


def find_old(document: Any, old: re.Pattern[str]) -> dict[Keys, list[str]]:
    """Return the entries with which an agent runs what is in the folders, each once: its keys and its texts."""
    found: dict[Keys, list[str]] = {}
    for keys, value in _walk(document):
        if _RUN_BY_AGENTS.intersection(keys) and old.search(value):
            found.setdefault(_entry_of(keys), []).append(value)
    return found


def _walk(value: Any, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """Yield every text in a document, in order, with its keys."""
    if isinstance(value, str):
        yield keys, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _walk(item, (*keys, key))


def _entry_of(keys: Keys) -> Keys:
    """Return the keys of the entry that is taken out as a whole: the hook of a command, the server of an argument."""
    for place, key in enumerate(keys):
        if key in ("mcpServers", "mcp_servers"):
            return keys[: place + 2]
        if key in ("command", "args"):
            return keys[:place]
        if key in ("notify", "apiKeyHelper"):
            return keys[: place + 1]
    return keys


def is_ours(command: str) -> bool:
    """Whether a command line is that of a hook of ours, of this release or any older."""
    return bool(_NEW.search(command) or (_RECEIVER.search(command) and _OF_AGENTS.search(command)))


def find_hooks(document: Any) -> Iterator[tuple[Keys, str]]:
    """Yield the keys of every hook of ours in settings of Claude Code or Gemini CLI, and its command."""
    hooks = document.get("hooks") if isinstance(document, dict) else None
    for event, groups in hooks.items() if isinstance(hooks, dict) else ():
        for place, group in enumerate(groups if isinstance(groups, list) else ()):
            inner = group.get("hooks") if isinstance(group, dict) else None
            for number, hook in enumerate(inner if isinstance(inner, list) else ()):
                command = hook.get("command") if isinstance(hook, dict) else None
                if isinstance(command, str) and is_ours(command):
                    yield ("hooks", event, place, "hooks", number), command


def is_our_notifier(notify: Any) -> bool:
    """Whether the notifier of Codex is ours."""
    return isinstance(notify, list) and is_ours(" ".join(map(str, notify)))
