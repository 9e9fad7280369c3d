"""The demonstration as a real process."""

import html
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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


def read_page(picture: Path) -> str:
    """Return what a picture says after the table, without what differs in every run, and without its folds."""
    text = "".join(html.unescape("".join(re.findall(r"<text[^>]*>(.*?)</text>", picture.read_text()))).split())
    return re.sub(r"\d{8}T\d{6}Z-\w{6}|teleclaude-(pg|demo)-\w{8}", "NAME", text[text.index("✓") :])


def test_without_keep_no_path_is_named_that_is_gone_and_the_picture_is_that_of_the_readme(tmp_path: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if key != "TMPDIR"}
    picture = tmp_path / "run.svg"
    done = subprocess.run([*DEMO, "--svg", picture], env=environ, capture_output=True, text=True, check=True)
    assert read_page(picture) == read_page(Path(__file__).parents[2] / "docs/run.svg")
    assert "Done and proved." in done.stdout
    assert "use --keep to look around" in done.stderr
    assert [gone for gone in ("ledger.jsonl", "the report has", "--report-dir DIR keeps") if gone in done.stdout] == []
    assert str(tmp_path) not in done.stdout + done.stderr
    assert "/tmp/teleclaude-" not in done.stdout + done.stderr


@pytest.fixture
def short() -> Iterator[Path]:
    """Yield a folder in which the path of a socket is not too long."""
    with tempfile.TemporaryDirectory(prefix="tc-", dir="/tmp") as folder:
        yield Path(folder)


def test_what_is_kept_works_by_the_printed_commands_until_it_is_removed_by_one(short: Path) -> None:
    environ = {**os.environ, "TMPDIR": str(short)}
    done = subprocess.run([*DEMO, "--keep"], env=environ, capture_output=True, text=True, check=True)
    around, removal = done.stderr.split("To look around, while the server runs:\n")[1].split("To remove everything:\n")
    path, verify, report, psql, daemon, sessions = (line.strip() for line in around.splitlines())

    def play(command: str) -> str:
        ran = subprocess.run(
            ["sh", "-c", f"{path}\n{command}"], capture_output=True, text=True, check=False, timeout=40
        )
        assert ran.returncode == 0, command + ran.stdout + ran.stderr
        return ran.stdout

    try:
        assert play(verify).endswith("\nequal\n")
        assert "Done and proved." in play(report)
        assert play(f"{psql} -Atc 'SELECT count(*) FROM sessions'") == "120\n"
        (kept,) = short.iterdir()
        with subprocess.Popen(["sh", "-c", f"{path}\nexec {daemon}"], stderr=subprocess.DEVNULL) as serving:
            until = time.monotonic() + 30
            while not (kept / "root/run/teleclaude/teleclaude.sock").exists() and time.monotonic() < until:
                time.sleep(0.05)
            try:
                assert play(sessions)
            finally:
                serving.terminate()
        play("\n".join(line for line in done.stdout.split("To go back: ")[1].splitlines()[1:]))
        assert not (kept / "root/etc/teleclaude/config.yml").exists()
    finally:
        play(removal)
    assert list(short.iterdir()) == []
    server = Path(removal.split("/end;")[0].split(">")[1])
    until = time.monotonic() + 20
    while server.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not server.exists()


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
