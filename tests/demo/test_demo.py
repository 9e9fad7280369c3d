"""The demonstration as a real process."""

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
