"""What an agent runs of the old installation is found with its keys or lines; a project or a memory is not."""

import json
from pathlib import Path
from typing import Any

import pytest

from teleclaude.migration.discover.hooks import find_hooks
from teleclaude.migration.discover.old_paths import OldPaths
from teleclaude.migration.report.events import Finding
from teleclaude.migration.source.installation import Places
from teleclaude.migration.source.inventory import Reference
from teleclaude.migration.source.privsep import Privsep


def found(places: Places, old_paths: OldPaths, name: str, text: str) -> list[Reference | Finding]:
    path = places.home / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return list(find_hooks(Privsep(), places, old_paths))


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({"hooks": {"Stop": [{"hooks": [{"command": "OLD"}]}]}}, ("hooks", "Stop", 0, "hooks", 0)),
        ({"mcpServers": {"t": {"command": "python", "args": ["OLD", "OLD"]}}}, ("mcpServers", "t")),
        ({"apiKeyHelper": "OLD"}, ("apiKeyHelper",)),
        ({"env": {"BIN": "OLD"}}, ("env", "BIN")),
        ({"projects": {"x": "OLD"}, "history": ["OLD"]}, None),
    ],
)
def test_an_entry_is_found_once_and_as_a_whole(
    places: Places, old_paths: OldPaths, settings: Any, keys: tuple[str | int, ...] | None
) -> None:
    text = json.dumps(settings).replace("OLD", f"{places.checkout}/bin/x")
    references = found(places, old_paths, ".claude/settings.json", text)
    assert [each.keys for each in references if isinstance(each, Reference)] == ([] if keys is None else [keys])


def test_an_entry_of_toml_has_its_lines(places: Places, old_paths: OldPaths) -> None:
    text = f'model = "x"\nnotify = ["{places.checkout}/x"]\n'
    [reference] = found(places, old_paths, ".codex/config.toml", text)
    assert isinstance(reference, Reference)
    assert (reference.lines, reference.keys, reference.clear) == ((2, 2), ("notify",), True)


@pytest.mark.parametrize("name", [".claude.json", ".codex/config.toml"])
def test_a_file_that_cannot_be_parsed_is_a_warning_that_quotes_nothing(
    places: Places, old_paths: OldPaths, name: str
) -> None:
    [warning] = found(places, old_paths, name, '\n{"key": hunter2')
    assert isinstance(warning, Finding)
    assert warning.problem.message == f"{places.home / name} cannot be parsed, line 2"
    assert str(places.checkout) in warning.problem.hint


def test_a_file_that_cannot_be_read_is_a_warning(places: Places, old_paths: OldPaths) -> None:
    Path(places.home / ".claude.json").mkdir()
    [warning] = find_hooks(Privsep(), places, old_paths)
    assert isinstance(warning, Finding)
    assert "is not a regular file" in warning.problem.message
