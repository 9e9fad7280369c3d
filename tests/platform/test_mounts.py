"""A mount point is known by its path, whatever is in its name."""

import sys
from pathlib import Path

import pytest

from teleclaude.platform import mounts
from teleclaude.platform.mounts import is_mount_point


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux mounts single files")
def test_a_mount_point_is_told_from_what_lies_below_it() -> None:
    assert is_mount_point(Path("/proc"))
    assert not is_mount_point(Path("/proc/self"))


def test_a_name_with_blanks_and_bytes_that_are_no_text_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    table.write_bytes(b"36 35 98:0 /real.db /my\\040data/\xff\\134.db rw - ext4 /dev/root rw\n")
    monkeypatch.setattr(mounts, "_MOUNTS", table)
    assert is_mount_point(Path("/my data/\udcff\\.db"))


def test_without_a_table_of_mounts_nothing_is_mounted_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "none")
    assert not is_mount_point(tmp_path)
