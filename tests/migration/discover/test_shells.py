"""Lines, links, scripts and completions that lead a shell to the old program are found."""

from pathlib import Path

import pytest

from teleclaude.migration.discover.old_paths import OldPaths
from teleclaude.migration.discover.shells import find_shells
from teleclaude.migration.report.events import Finding
from teleclaude.migration.source.installation import Places
from teleclaude.migration.source.inventory import Kind, Reference
from teleclaude.migration.source.privsep import Privsep


def below(places: Places, old_paths: OldPaths) -> list[Reference | Finding]:
    """Return what is found in the home; the folders of the system may hold anything."""
    found = find_shells(Privsep(), places, old_paths)
    return [each for each in found if isinstance(each, Finding) or places.home in each.path.parents]


@pytest.mark.parametrize("name", [".bashrc", ".zshrc", ".config/fish/config.fish", ".config/fish/conf.d/telec.fish"])
def test_a_line_of_a_start_file_is_found_with_its_number(places: Places, old_paths: OldPaths, name: str) -> None:
    line = f"alias telec={places.checkout}/bin/telec"
    (places.home / name).parent.mkdir(parents=True, exist_ok=True)
    (places.home / name).write_text(f"# {line}\n: # {line}\ntrue\n{line}\n")
    [reference] = below(places, old_paths)
    assert isinstance(reference, Reference)
    assert (reference.kind, reference.lines, reference.text) == (Kind.SHELL, (4, 4), line)


def test_a_link_a_script_and_a_completion_are_found(places: Places, old_paths: OldPaths) -> None:
    commands, completions = places.home / ".local/bin", places.home / ".zfunc"
    for folder in (commands, completions):
        folder.mkdir(parents=True)
    (commands / "telec").symlink_to(places.checkout / "bin/telec")
    (commands / "script").write_text(f"exec {places.checkout}/bin/telec\n")
    (commands / "theirs").write_text("true\n")
    (completions / "_telec").write_text("#compdef telec\n")
    (completions / "_theirs").write_text("#compdef theirs\n")
    found = {each.path: each.kind for each in below(places, old_paths) if isinstance(each, Reference)}
    assert found == {
        commands / "telec": Kind.LINK,
        commands / "script": Kind.SCRIPT,
        completions / "_telec": Kind.SCRIPT,
    }


def test_a_start_file_that_cannot_be_read_is_a_warning(places: Places, old_paths: OldPaths) -> None:
    Path(places.home / ".bashrc").mkdir()
    [warning] = below(places, old_paths)
    assert isinstance(warning, Finding)
    assert ".bashrc is not a regular file" in warning.problem.message
