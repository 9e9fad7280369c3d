"""An empty installation in a home of its own, and the paths that lead to it."""

from pathlib import Path

import pytest

from teleclaude.migration.discover.old_paths import OldPaths, make_old_paths
from teleclaude.migration.source.installation import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Make the two folders of an installation, and `~/.teleclaude`."""
    made = Places(tmp_path / "home/teleclaude", tmp_path / "home")
    for folder in (made.checkout, made.state):
        folder.mkdir(parents=True)
    return made


@pytest.fixture
def old_paths(places: Places) -> OldPaths:
    """Know the paths of that installation, which keeps no secret."""
    return make_old_paths(places, None)
