"""The folders of a run: one stays, one is private and removed, and no living run loses either."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from teleclaude.db.file_lock import hold_existing
from teleclaude.errors import LockHeldError, PublishError
from teleclaude.migration.state.workspace import (
    private_folder,
    remove_empty,
    remove_killed,
    run_folder,
    write_private,
)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let private folders be where this test alone looks."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_folder_of_a_run_is_private_and_stays(tmp_path: Path) -> None:
    with run_folder(tmp_path / "runs/r", (), guarded=False) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").touch()
    assert (tmp_path / "runs/r/file").exists()
    with run_folder(tmp_path / "runs/r", (), guarded=False) as folder:
        assert (folder / "file").exists()


def test_new_directories_that_stay_empty_are_removed(tmp_path: Path) -> None:
    new = (tmp_path / "new", tmp_path / "new/runs", tmp_path / "new/runs/r")
    with run_folder(new[-1], new, guarded=False):
        pass
    assert not new[0].exists()


def test_no_second_run_goes_on_beside_one(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    with (
        run_folder(tmp_path / "runs/one", (), guarded=False),
        pytest.raises(LockHeldError),
        run_folder(tmp_path / "runs/other", (), guarded=False),
    ):
        pass
    assert not (tmp_path / "runs/other").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(PublishError, match=str(tmp_path / "runs")), run_folder(tmp_path / "runs/r", (), guarded=False):
        pass


def test_only_empty_directories_are_removed_children_first(tmp_path: Path) -> None:
    made = [tmp_path / "a", tmp_path / "a/b", tmp_path / "c"]
    for folder in made:
        folder.mkdir()
    (tmp_path / "c/file").touch()
    remove_empty((*made, tmp_path / "gone"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "tmp"]


def test_a_private_file_is_replaced_as_a_whole_and_bytes_that_are_no_utf_8_stay(tmp_path: Path) -> None:
    for content in ("first", "second \udcff"):
        write_private(tmp_path / "rollback.txt", content)
    assert (tmp_path / "rollback.txt").read_bytes() == b"second \xff"
    assert (tmp_path / "rollback.txt").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / ".rollback.txt").exists()


def test_a_private_folder_is_gone_at_the_end_with_everything_in_it(temporary: Path) -> None:
    with private_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "deep").mkdir()
        (folder / "deep/file").touch()
    assert list(temporary.iterdir()) == []


def test_the_private_folder_of_a_living_run_stays(temporary: Path) -> None:
    with private_folder() as folder:
        remove_killed(folder)
        assert folder.exists()
        with private_folder() as other:
            assert sorted(temporary.iterdir()) == sorted([folder, other])


def test_the_private_folder_of_a_killed_run_is_removed_by_the_next(temporary: Path) -> None:
    killed = (
        "import os, signal\nfrom teleclaude.migration.state.workspace import private_folder\n"
        "with private_folder() as folder:\n"
        "    (folder / 'copy').touch()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", killed], check=False, env={"TMPDIR": str(temporary)}, cwd=Path.cwd())
    assert len(list(temporary.glob("*/copy"))) == 1
    with private_folder() as folder:
        assert list(temporary.iterdir()) == [folder]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("prepare", [lambda place: os.chown(place, 12345, 12345), lambda place: place.chmod(0o777)])
def test_root_keeps_no_private_copies_where_another_user_can_change_the_way(
    temporary: Path, prepare: Callable[[Path], None]
) -> None:
    prepare(temporary)
    with pytest.raises(PublishError, match=f"can change {temporary}, so root may not"), private_folder():
        pass
    assert list(temporary.iterdir()) == []


def test_a_link_to_another_folder_is_not_taken_for_the_folder_of_a_killed_run(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "lock").write_text("theirs")
    (temporary / "teleclaude-migration-x").symlink_to(tmp_path)
    with hold_existing(tmp_path / "lock"), private_folder():
        assert (tmp_path / "lock").read_text() == "theirs"
    assert (temporary / "teleclaude-migration-x").is_symlink()


def test_a_folder_without_a_lock_is_nobody_s_to_remove(tmp_path: Path) -> None:
    (tmp_path / "teleclaude-migration-x").mkdir()
    remove_killed(tmp_path / "teleclaude-migration-x")
    assert (tmp_path / "teleclaude-migration-x").exists()
