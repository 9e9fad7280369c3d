"""Links and owners in folders of other users do not change where a walk ends."""

import errno
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from teleclaude.config.folders import (
    Links,
    Policy,
    entered,
    find_stranger,
    find_unsafe_folder,
    opened_folder,
    walked,
)
from teleclaude.errors import PublishError, SourceError

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


def test_a_link_to_itself_ends_the_walk(tmp_path: Path) -> None:
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
    with pytest.raises(PublishError, match="is a symbolic link"), opened_folder(around / "link"):
        pass


@pytest.mark.parametrize(("mode", "is_open"), [(0o755, False), (0o757, True), (0o1777, False)])
def test_a_folder_that_everyone_may_write_to_is_an_open_door(tmp_path: Path, mode: int, is_open: bool) -> None:
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(mode)
    assert find_unsafe_folder(place / "new", ME) == (place if is_open else None)


@as_root
def test_the_first_place_of_another_user_on_the_way_is_found_also_behind_a_link_of_root(tmp_path: Path) -> None:
    (tmp_path / "home/theirs").mkdir(parents=True)
    os.chown(tmp_path / "home", USER, USER)
    (tmp_path / "link").symlink_to("home")
    stranger = find_stranger(tmp_path / "link/theirs")
    assert stranger is not None
    assert (stranger.path, stranger.uid) == (tmp_path / "home", USER)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """Make a folder that another user can look into, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="tc-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        yield folder


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps access lists in attributes")
def test_an_access_list_that_lets_another_user_write_is_seen_and_one_that_does_not_is_none(tmp_path: Path) -> None:
    if sys.platform == "linux":
        # Version 2; tag, permissions, id of: owner, a user, group, mask, others (Linux, posix_acl_xattr.h).
        entries = ((1, 7, -1), (2, 7, USER), (4, 5, -1), (0x10, 7, -1), (0x20, 5, -1))
        packed = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
        os.setxattr(tmp_path, "system.posix_acl_access", packed)
    assert find_unsafe_folder(tmp_path, ME) == tmp_path
    tmp_path.chmod(tmp_path.stat().st_mode & ~0o020)
    assert find_unsafe_folder(tmp_path, ME) is None


def test_a_link_of_ours_among_everyone_leads_nowhere_safe(tmp_path: Path) -> None:
    (tmp_path / "around").mkdir()
    (tmp_path / "around/link").symlink_to(tmp_path)
    assert find_unsafe_folder(tmp_path / "around/link", ME) is None
    (tmp_path / "around").chmod(0o777)
    assert find_unsafe_folder(tmp_path / "around/link", ME) == tmp_path / "around"


REAL, LINK, OPENED = "real/inner", "link/inner", "closed/owned/inner"
"""A folder by its own name, through a link to the one around it, and in a folder that is open already."""


def nothing(_around: Path) -> None:
    pass


def link_of_another(around: Path) -> None:
    os.chown(around / "link", USER, USER, follow_symlinks=False)


def link_among_everyone(around: Path) -> None:
    around.chmod(0o777)


def link_in_a_sticky_folder(around: Path) -> None:
    around.chmod(0o1777)


def circle(around: Path) -> None:
    (around / "link").unlink()
    (around / "link").symlink_to("link")


def absolute_link(around: Path) -> None:
    (around / "link").unlink()
    (around / "link").symlink_to(around / "real")


def link_upwards(around: Path) -> None:
    (around / "link").unlink()
    (around / "link").symlink_to("real/inner/..")


def file_on_the_way(around: Path) -> None:
    (around / "real").rename(around / "other")
    (around / "real").touch()


def folder_of_another(around: Path) -> None:
    os.chown(around / "real", USER, USER)


NONE, OURS, ANY = (Policy(links) for links in Links)
MAKING = Policy(Links.OURS, make=True)
OWNED = Policy(Links.ANY, trusted=ME)
THERE = "there"
WALKS: list[tuple[Policy, str, Callable[[Path], None], str | int]] = [
    (NONE, REAL, nothing, THERE),
    (NONE, LINK, nothing, errno.ELOOP),
    (NONE, "real/missing", nothing, errno.ENOENT),
    (NONE, REAL, file_on_the_way, errno.ENOTDIR),
    (NONE, "real/inner/../inner", nothing, THERE),
    (OURS, LINK, nothing, THERE),
    (OURS, LINK, absolute_link, THERE),
    (OURS, LINK, link_upwards, THERE),
    (OURS, LINK, link_in_a_sticky_folder, THERE),
    (OURS, LINK, link_of_another, "is a symbolic link"),
    (OURS, LINK, link_among_everyone, "is a symbolic link"),
    (OURS, LINK, circle, "is a symbolic link"),
    (OURS, "link/missing", nothing, errno.ENOENT),
    (OURS, REAL, folder_of_another, THERE),
    (ANY, LINK, link_of_another, THERE),
    (ANY, LINK, link_among_everyone, THERE),
    (ANY, LINK, circle, errno.ELOOP),
    (ANY, LINK, file_on_the_way, errno.ENOTDIR),
    (MAKING, "link/missing/inner", nothing, THERE),
    (MAKING, "link/missing/inner", link_of_another, "is a symbolic link"),
    (MAKING, "real/missing/inner", file_on_the_way, errno.ENOTDIR),
    (OWNED, LINK, nothing, THERE),
]


def descriptors() -> int:
    return psutil.Process().num_fds()


@as_root
@pytest.mark.parametrize(("policy", "way", "prepare", "end"), WALKS)
def test_a_walk_ends_where_its_policy_says(
    tmp_path: Path, policy: Policy, way: str, prepare: Callable[[Path], None], end: str | int
) -> None:
    around = tmp_path / "around"
    (around / "real/inner").mkdir(parents=True)
    (around / "link").symlink_to("real")
    prepare(around)
    before = descriptors()
    with walked(around / way, policy) as place:
        if isinstance(end, int):
            with pytest.raises(OSError, match=os.strerror(end)) as raised:
                entered(place)
            assert raised.value.errno == end
        elif end == THERE:
            real = Path(os.path.realpath(around / way))
            assert place.path == real
            assert os.path.samestat(os.fstat(entered(place)), real.stat())
        else:
            with pytest.raises(PublishError, match=end):
                entered(place)
    assert descriptors() == before


@as_root
@pytest.mark.parametrize(
    ("prepare", "way", "where"),
    [(link_of_another, LINK, "link"), (folder_of_another, LINK, "real"), (folder_of_another, REAL, "real")],
)
def test_a_walk_ends_with_a_refusal_at_the_first_place_of_somebody_else(
    tmp_path: Path, prepare: Callable[[Path], None], way: str, where: str
) -> None:
    (tmp_path / "real/inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    prepare(tmp_path)
    with walked(tmp_path / way, OWNED) as place:
        assert place.path == tmp_path / where
        assert place.state is not None
        assert place.state.st_uid == USER
        with pytest.raises(SourceError, match=f"uid {USER}"):
            entered(place)


@as_root
@pytest.mark.parametrize("way", [OPENED, "closed/owned/../owned/inner", "closed/owned/inner/../../owned/inner", LINK])
@pytest.mark.parametrize("links", [Links.NONE, Links.ANY])
def test_a_folder_that_is_open_already_is_reached_where_the_way_to_it_is_closed(
    open_to_all: Path, way: str, links: Links
) -> None:
    closed = open_to_all / "closed"
    (closed / "owned/inner").mkdir(parents=True)
    (open_to_all / "link").symlink_to("closed/owned")
    closed.chmod(0o700)
    os.chown(closed / "owned", USER, USER)
    owned = os.open(closed / "owned", os.O_RDONLY)
    follows = links is Links.ANY or way != LINK
    try:
        os.seteuid(USER)
        with walked(open_to_all / way, Policy(links)) as place:
            assert place.folder is None
        with walked(open_to_all / way, Policy(links, opened={closed / "owned": owned})) as place:
            assert (place.folder is not None) == follows
            assert not follows or place.path == closed / "owned/inner"
    finally:
        os.seteuid(0)
        os.close(owned)


def test_what_does_not_exist_is_taken_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("missing")
    with walked(tmp_path / "link/a/../b", ANY) as place:
        assert place.path == tmp_path / "missing/b"
        assert place.state is None
