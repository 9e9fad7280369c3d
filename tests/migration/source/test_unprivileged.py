"""Paths are resolved first and then opened without a link; folders and links are listed as they are."""

import os
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.source import unprivileged
from teleclaude.migration.source.unprivileged import (
    inspect,
    list_existing,
    list_links,
    list_names,
    list_tree,
    open_exactly,
    open_regular,
    resolve,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder with a file, a folder in it, and a link to each."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "inner/deep").write_text("y")
    (tmp_path / "to-file").symlink_to("file")
    (tmp_path / "to-inner").symlink_to("inner")
    return tmp_path


def test_a_path_is_resolved_as_far_as_it_exists(folder: Path) -> None:
    assert resolve(folder / "to-inner/deep") == folder / "inner/deep"
    assert resolve(folder / "to-inner/missing/x") == folder / "inner/missing/x"


def test_links_in_a_circle_are_an_error(folder: Path) -> None:
    (folder / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="circle"):
        resolve(folder / "circle")


def test_a_resolved_path_that_has_become_a_link_is_not_opened(folder: Path) -> None:
    for name in ("to-file", "to-inner/deep"):
        with pytest.raises(OSError, match=r"."):
            open_exactly(folder / name, os.O_RDONLY | os.O_NOFOLLOW)
    with pytest.raises(OSError, match="to-inner"):
        inspect(folder / "to-inner/deep")


def test_a_regular_file_opens_through_links_only_where_it_need_not_be_exact(folder: Path) -> None:
    os.close(open_regular(str(folder / "to-inner/deep"), False))
    with pytest.raises(SourceError, match="cannot be read with the rights of uid"):
        open_regular(str(folder / "to-inner/deep"), True)


@pytest.mark.parametrize("name", ["missing", "file/below"])
def test_a_file_that_does_not_exist_is_told_apart(folder: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(str(folder / name), False)


def test_a_pipe_is_refused_at_once_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(SourceError, match="pipe is not a regular file"):
        open_regular(str(folder / "pipe"), False)


def test_names_are_listed_in_order_and_a_missing_folder_has_none(folder: Path) -> None:
    assert list_names(str(folder)) == ["file", "inner", "to-file", "to-inner"]
    assert list_names(str(folder / "missing")) == []


def test_the_files_of_a_tree_are_listed_without_following_links(folder: Path) -> None:
    assert list_tree(str(folder)) == [str(folder / "file"), str(folder / "inner/deep")]


def test_links_are_listed_with_their_text_and_their_real_target(folder: Path) -> None:
    assert list_links(str(folder)) == {
        "to-file": ["file", str(folder / "file")],
        "to-inner": ["inner", str(folder / "inner")],
    }


def test_of_some_paths_those_that_exist_are_returned(folder: Path) -> None:
    (folder / "broken").symlink_to("nowhere")
    paths = [str(folder / name) for name in ("to-file", "broken", "missing", "inner")]
    assert list_existing(paths) == [paths[0], paths[3]]


def test_a_folder_with_too_many_entries_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unprivileged, "MAX_ENTRIES", 3)
    for listing in (list_names, list_tree):
        with pytest.raises(SourceError, match="has more than 3 entries"):
            listing(str(folder))


def test_folders_that_lie_too_deep_in_each_other_are_refused_at_once(folder: Path) -> None:
    (folder / "/".join("d" * 100)).mkdir(parents=True)
    assert list_tree(str(folder)) == [str(folder / name) for name in ("file", "inner/deep")]
    (folder / "/".join("d" * 101)).mkdir()
    with pytest.raises(SourceError, match=f"{folder} holds more than 100 folders in each other"):
        list_tree(str(folder))
