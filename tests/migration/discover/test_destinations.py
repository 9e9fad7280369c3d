"""The places of the new installation are looked at: taken, missing, closed; and the runs that were cut off there."""

from pathlib import Path

import pytest

from teleclaude.db.file_lock import hold_existing
from teleclaude.layout import Layout, make_layout, user_config
from teleclaude.migration.discover.destinations import find_destinations, find_runs
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.state.journal import write_entry


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return make_layout("linux", tmp_path / "root", {})


def test_an_empty_root_has_nothing_and_needs_every_folder(tmp_path: Path, layout: Layout) -> None:
    found = find_destinations(layout, user_config(tmp_path, layout.root, {}), None, Privsep())
    assert found.existing == frozenset()
    assert found.new_directories[0] == tmp_path / "root"
    assert {layout.system_config.parent, layout.docs, layout.migrations} <= set(found.new_directories)
    assert (found.unsafe_folders, found.unsafe_run_folder) == ((), None)


def test_a_file_is_in_the_way_and_an_empty_folder_is_not(tmp_path: Path, layout: Layout) -> None:
    layout.docs.mkdir(parents=True)
    layout.system_config.parent.mkdir(parents=True)
    layout.system_config.symlink_to("nowhere")
    user_file = user_config(tmp_path, layout.root, {})
    assert find_destinations(layout, user_file, None, Privsep()).existing == {layout.system_config}
    (layout.docs / "x").write_text("")
    assert find_destinations(layout, user_file, None, Privsep()).existing == {layout.system_config, layout.docs}


def test_a_run_that_settled_is_over_and_a_folder_without_a_record_is_none(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    write_entry(tmp_path / "run", {"step": "transfer", "event": "begin"})
    assert find_runs(tmp_path) == ((), ())
    assert find_runs(tmp_path / "missing") == ((), ())


def test_a_migration_that_goes_on_is_an_activity(tmp_path: Path) -> None:
    with hold_existing(tmp_path, "migration"):
        journals, [activity] = find_runs(tmp_path)
    assert journals == ()
    assert str(tmp_path) in activity.problem.message
    assert activity.stops
