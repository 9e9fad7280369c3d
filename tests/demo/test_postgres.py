"""The server of the demonstration and of the tests."""

import os
import shutil
from pathlib import Path

import psutil
import pytest

from teleclaude.demo.postgres import find_binaries, running_server
from teleclaude.errors import TargetError


def test_binaries_are_looked_for_where_the_variable_says_first(tmp_path: Path) -> None:
    folder, origin = find_binaries({})
    assert "PG_BINDIR" not in origin
    given, origin = find_binaries({"TELECLAUDE_PG_BINDIR": str(folder)})
    assert given == folder
    assert origin.startswith("TELECLAUDE_PG_BINDIR")


def test_the_server_runs_without_privileges_in_a_folder_of_its_own() -> None:
    with running_server({}) as server:
        folder = Path(str(server.url.query["host"]))
        assert folder.stat().st_mode & 0o077 == 0
        assert folder.stat().st_uid != 0
        (pid, *_) = (folder / "data/postmaster.pid").read_text().splitlines()
        assert psutil.Process(int(pid)).uids().effective != 0
    assert not folder.exists()
    assert not psutil.pid_exists(int(pid))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a server as somebody else")
def test_a_server_runs_from_a_wheel_that_only_root_reaches(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o700)
    binaries, _ = find_binaries({})
    package = binaries.parents[1]
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.parent / name, tmp_path / "shut" / name)
    shut = tmp_path / "shut" / binaries.relative_to(package.parent)
    with running_server({"TELECLAUDE_PG_BINDIR": str(shut)}) as server:
        assert server.origin.startswith("TELECLAUDE_PG_BINDIR")


def test_a_server_that_cannot_start_is_one_sentence(tmp_path: Path) -> None:
    for name in ("initdb", "postgres"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'no such thing' >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    with pytest.raises(TargetError, match="no such thing"), running_server({"TELECLAUDE_PG_BINDIR": str(tmp_path)}):
        pass
