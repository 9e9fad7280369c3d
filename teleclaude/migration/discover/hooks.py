"""References to the old program in the settings of the agents: hooks, tool servers, notifiers (facts: installation)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from teleclaude.agents import SETTINGS, json_text
from teleclaude.agents.entries import find_old
from teleclaude.agents.toml_text import find_lines
from teleclaude.errors import SourceError
from teleclaude.migration.discover.old_paths import OldPaths
from teleclaude.migration.discover.problems import SETTINGS_UNCLEAR
from teleclaude.migration.report.events import Finding, warning
from teleclaude.migration.source.files import CONFIG_LIMIT, read_file
from teleclaude.migration.source.installation import Places
from teleclaude.migration.source.inventory import Kind, Reference
from teleclaude.migration.source.privsep import Privsep


def find_hooks(privsep: Privsep, places: Places, old_paths: OldPaths) -> Iterator[Reference | Finding]:
    """Yield the references in the settings of the agents, and a warning for each file that cannot be read."""
    for name in (name for names in SETTINGS.values() for name in names):
        path = places.home / name
        try:
            find = _in_toml if path.suffix == ".toml" else _in_json
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
    for keys, values in find_old(json_text.read(content.decode()), old_paths.pattern).items():
        yield Reference(Kind.AGENT_HOOK, path, old_paths.shown(" ".join(values)), keys=keys)


def _in_toml(path: Path, content: bytes, old_paths: OldPaths) -> Iterator[Reference]:
    text = content.decode()
    for keys, values in find_old(tomllib.loads(text), old_paths.pattern).items():
        lines = find_lines(text, keys)
        yield Reference(Kind.AGENT_HOOK, path, old_paths.shown(" ".join(values)), lines, keys, clear=lines is not None)
