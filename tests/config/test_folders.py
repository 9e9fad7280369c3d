"""The way to a file cannot be bent, and nothing is removed that is not ours."""

import os
from pathlib import Path

import pytest

from teleclaude.config.folders import find_open_door, find_stranger, opened_folder, remove_marked
from teleclaude.errors import PublishError

USER = 12345
ME = frozenset({0, os.geteuid()})
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def test_a_folder_and_those_above_it_are_made(tmp_path: Path) -> None:
    with opened_folder(tmp_path / "a/b", make=True) as folder:
        os.mkdir("c", dir_fd=folder)
    assert (tmp_path / "a/b/c").is_dir()


def test_our_own_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with opened_folder(tmp_path / "link") as folder:
        assert os.fstat(folder).st_ino == (tmp_path / "real").stat().st_ino


def test_a_link_that_leads_in_a_circle_is_an_end(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(PublishError), opened_folder(tmp_path / "link"):
        pass


@as_root
@pytest.mark.parametrize("whose", ["the link", "the folder around it"])
def test_root_does_not_follow_a_link_that_another_user_can_have_made(tmp_path: Path, whose: str) -> None:
    around = tmp_path / "around"
    around.mkdir()
    (around / "link").symlink_to("/etc")
    if whose == "the link":
        os.chown(around / "link", USER, USER, follow_symlinks=False)
    else:
        os.chown(around, USER, USER)
    with pytest.raises(PublishError, match="is a link"), opened_folder(around / "link"):
        pass


@pytest.mark.parametrize(("mode", "is_open"), [(0o755, False), (0o757, True), (0o1777, False)])
def test_a_folder_that_everyone_may_write_to_is_an_open_door(tmp_path: Path, mode: int, is_open: bool) -> None:
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(mode)
    assert find_open_door(place / "new", ME) == (place if is_open else None)


@as_root
def test_the_first_place_of_another_user_on_the_way_is_found_also_behind_a_link_of_root(tmp_path: Path) -> None:
    (tmp_path / "home/theirs").mkdir(parents=True)
    os.chown(tmp_path / "home", USER, USER)
    (tmp_path / "link").symlink_to("home")
    stranger = find_stranger(tmp_path / "link/theirs")
    assert stranger is not None
    assert (stranger.path, stranger.uid) == (tmp_path / "home", USER)


@pytest.mark.parametrize("kind", ["no mark", "a mark on the second line", "link", "pipe", "folder", "missing"])
def test_what_does_not_carry_the_mark_stays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "config.yml"
    match kind:
        case "no mark":
            path.write_text("# theirs\n")
        case "a mark on the second line":
            path.write_text("# theirs\n# our mark\n")
        case "link":
            (tmp_path / "other").write_text("# our mark\n")
            path.symlink_to("other")
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case _:
            path = tmp_path / "missing" / "config.yml"
    before = sorted(tmp_path.iterdir())
    remove_marked(path, b"our mark")
    assert sorted(tmp_path.iterdir()) == before


def test_what_carries_the_mark_is_removed(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("# our mark\nname: x\n")
    remove_marked(tmp_path / "config.yml", b"our mark")
    assert list(tmp_path.iterdir()) == []
