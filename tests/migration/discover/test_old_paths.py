"""Paths of the old installation are found in every spelling, and shown without secrets."""

import re

import pytest

from teleclaude.migration.discover.old_paths import OldPaths
from teleclaude.migration.source.installation import Places


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{checkout}/bin/telec", True),
        ("cd {checkout} && x", True),
        ("PATH=/a:{checkout}/bin", True),
        ("{checkout}-new/bin", False),
        ("{checkout}.old", False),
        ("/mnt{checkout}", False),
        ("~/.teleclaude/bin/x", True),
        ('"$HOME"/.teleclaude/bin/x', True),
        ("${HOME}/.teleclaude", True),
        ("%h/.teleclaude/x", True),
        ("~/.teleclauder", False),
    ],
)
def test_a_path_of_the_old_installation_is_known_however_it_is_written(
    places: Places, old_paths: OldPaths, text: str, found: bool
) -> None:
    assert old_paths.found_in(text.format(checkout=places.checkout, HOME="{HOME}")) is found


def test_of_a_text_with_a_secret_only_the_words_with_old_paths_are_shown(places: Places, old_paths: OldPaths) -> None:
    text = f"TOKEN=ghp_0123456789abcdefABCDEF0123456789abcd {places.checkout}/bin/telec --fast"
    assert old_paths.shown(text) == f"… {places.checkout}/bin/telec"


def test_the_value_of_a_variable_is_shown_only_where_it_names_the_old_installation(
    places: Places, old_paths: OldPaths
) -> None:
    # Long lines are cut, and the folder of a test has a long name.
    assert old_paths.shown("K=swordfish A='b c' export L=x") == "K=… A=… export L=…"
    assert old_paths.shown(f"export DIR={places.checkout}/x --fast") == f"export DIR={places.checkout}/x --fast"


def test_a_secret_of_the_configuration_is_not_shown() -> None:
    known = OldPaths(re.compile("/old"), frozenset({"hunter2-hunter2"}))
    assert known.shown("/old/x hunter2-hunter2") == "… /old/x"


def test_a_long_text_is_cut_and_control_characters_are_escaped(old_paths: OldPaths) -> None:
    assert old_paths.shown("word " * 50) == "word " * 40 + "…"
    assert old_paths.shown("a\n  b\x1b") == "a b\\x1b"
