"""Puts our hooks into the settings of the agents, and takes them back, as their user."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from teleclaude.agents import SETTINGS, settings
from teleclaude.agents.entries import Ours, make_old_pattern
from teleclaude.errors import Problem, TeleClaudeError
from teleclaude.hook import problems
from teleclaude.hook.settings_file import keep, kept_file, read_text, write_text

_INSTALLED = Path("/usr/local/bin/teleclaude")
"""Where `bin/install-system.sh` puts a link to the newest release."""

_Change = Callable[[str], str]


def install(options: Mapping[str, str]) -> Iterator[str | Problem]:
    """Let the agents run our hooks; yields what was done to each file, and what stands in the way."""
    yield from _each(options, _install)


def take_back(options: Mapping[str, str]) -> Iterator[str | Problem]:
    """Undo `install`: every byte where a file is as that left it, else our entries alone; yields what was done."""
    yield from _each(options, _take_back)


def _each(options: Mapping[str, str], act: Callable[[Path, str, _Change], str]) -> Iterator[str | Problem]:
    home = Path(options.get("--home") or os.path.expanduser("~"))
    folders = [Path(folder) for folder in options.get("--old", "").split("\n") if folder]
    folders += [Path(os.path.realpath(folder)) for folder in folders]
    ours = Ours(_find_program(), make_old_pattern(folders, home) if folders else None)
    here = [agent for agent, (name, *_) in SETTINGS.items() if (home / name).parent.is_dir()]
    if not here:
        yield f"no agent has settings in {home}"
    for agent in here:
        for name in SETTINGS[agent] if options.get("--agent", agent) == agent else ():
            path = home / name
            # Of the files that older releases wrote to most are not there, and none is made.
            if name != SETTINGS[agent][0] and not os.path.lexists(path):
                continue
            try:
                yield act(path, agent, _make_change(name, agent, ours))
            except TeleClaudeError as error:
                yield error.problem
            except (ValueError, RecursionError) as error:
                # What a decoder says may quote the file.
                reason = str(error) if type(error) is ValueError else "it cannot be parsed"
                yield problems.LEFT_ALONE.fill(path=path, reason=reason)


def _make_change(name: str, agent: str, ours: Ours) -> _Change:
    """Return what `install` makes of a file."""
    if agent == "codex":
        return lambda text: settings.install_toml(text, ours)
    return lambda text: settings.install_json(text, agent, ours, first=name == SETTINGS[agent][0])


def _find_program() -> tuple[str, ...]:
    """Return the words that start this program: the link that an upgrade keeps, else the path that was called."""
    called = Path(sys.argv[0]).absolute()
    if _INSTALLED.exists() and _INSTALLED.resolve().is_relative_to(sys.prefix):
        return (str(_INSTALLED),)
    return (str(called),) if called.name == "teleclaude" else (sys.executable, "-m", "teleclaude")


def _nothing(path: Path) -> str:
    """Return the settings that say nothing."""
    return "" if path.suffix == ".toml" else "{}\n"


def _install(path: Path, _agent: str, change: _Change) -> str:
    before = read_text(path)
    after = change(before or _nothing(path))
    if after == before:
        return f"{path} stays as it is"
    if before is not None:
        keep(path, before)
    write_text(path, before, after)
    return f"{path} is changed"


def _take_back(path: Path, agent: str, change: _Change) -> str:
    before, kept = read_text(path), read_text(kept_file(path))
    if before is None:
        return f"{path} is not there"
    if kept is None and before == change(_nothing(path)):
        path.unlink()
        return f"{path} is removed, as there was none"
    if kept is not None and change(kept) == before:
        write_text(path, before, kept)
        kept_file(path).unlink()
        return f"{path} is as it was before"
    give_back = settings.give_back_toml if agent == "codex" else settings.give_back_json
    after = give_back(before, kept or _nothing(path))
    if after == before:
        return f"{path} stays as it is"
    write_text(path, before, after)
    more = f"; what it was before is in {kept_file(path)}" if kept is not None else ""
    return f"{path} was changed by others since, so only our hooks are changed in it{more}"
