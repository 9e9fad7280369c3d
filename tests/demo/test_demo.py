"""The sample installation, its server, and the demonstration as a real process."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from teleclaude.db.models import Model
from teleclaude.demo.installation import make_installation
from teleclaude.demo.postgres import find_binaries, running_server
from teleclaude.demo.rows import make_rows
from teleclaude.errors import TargetError
from tests.support.sample import as_on_a_terminal

DEMO = [sys.executable, "-m", "teleclaude", "demo"]


def servers_below(pid: int) -> list[psutil.Process]:
    """Return what of PostgreSQL runs below a process: initdb and its helpers, or the server."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        # Helpers of initdb come and go.
        with suppress(psutil.NoSuchProcess):
            if child.name() in ("postgres", "initdb") and folders_of(child):
                found.append(child)
    return found


def folders_of(process: psutil.Process) -> set[Path]:
    """Return the private folder that a process of the server names on its command line."""
    places = (Path(word) for word in process.cmdline() if word.startswith("/tmp/teleclaude-pg-"))
    return {Path(*place.parts[:3]) for place in places}


def test_the_same_seed_makes_the_same_rows() -> None:
    assert make_rows(7, 12) == make_rows(7, 12)
    assert make_rows(7, 12) != make_rows(8, 12)


def test_every_table_of_the_old_program_has_rows() -> None:
    rows = make_rows(1, 20)
    assert set(Model.metadata.tables) - {"audit_log", "migration_runs"} == set(rows) - {"schema_migrations"}
    assert all(rows.values())


def test_snippets_are_links_into_the_checkout_as_in_real_installations(tmp_path: Path) -> None:
    sample = make_installation(tmp_path, sessions=3)
    entries = list((sample.home / ".teleclaude/docs").iterdir())
    assert {entry.name for entry in entries} == {"general", "baseline.md", "index.yaml"}
    assert all(entry.is_symlink() and entry.resolve().is_relative_to(sample.checkout) for entry in entries)


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


def test_the_demonstration_prints_one_report_and_leaves_nothing(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([*DEMO, "--json"], env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert report["probe"]["ok"] is True
    assert all(table["source_rows"] == table["target_rows"] for table in report["tables"])
    assert b"PostgreSQL from " in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_demonstration_keeps_its_files_when_asked(tmp_path: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([*DEMO, "--keep"], env=environ, capture_output=True, text=True, check=True)
    assert "To go back:" in done.stdout
    (kept,) = tmp_path.iterdir()
    assert (kept / "root/etc/teleclaude/config.yml").is_file()
    shutil.rmtree(kept)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_server_outlives_a_demonstration_that_is_killed(number: signal.Signals, tmp_path: Path) -> None:
    demo = subprocess.Popen(
        DEMO,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=as_on_a_terminal,
    )
    until = time.monotonic() + 90
    folders: set[Path] = set()
    while not folders and time.monotonic() < until:
        servers = servers_below(demo.pid)
        with suppress(psutil.NoSuchProcess):
            folders.update(*(folders_of(server) for server in servers))
        time.sleep(0.02)
    assert folders
    demo.send_signal(number)
    demo.wait()
    _, alive = psutil.wait_procs(servers, timeout=20)
    assert alive == []
    while any(folder.exists() for folder in folders) and time.monotonic() < until + 20:
        time.sleep(0.05)
    assert not any(folder.exists() for folder in folders)
