"""Whoever reads the output may go away: the work goes on, the exit code stays, and nobody is told of a bug."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from teleclaude.migration.source.options import Options
from tests.support.command import to_arguments
from tests.support.standing import Migrated


def unread(descriptor: str, *arguments: str, **environ: str) -> tuple[int, bytes]:
    """Run a command with a pipe that nobody reads for one of its streams; return its exit code and the other's text."""
    ours, theirs = os.pipe()
    os.close(ours)
    other = "stderr" if descriptor == "stdout" else "stdout"
    command = [sys.executable, "-m", "teleclaude", *arguments]
    with subprocess.Popen(
        command,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=theirs if descriptor == "stdout" else subprocess.PIPE,
        stderr=theirs if descriptor == "stderr" else subprocess.PIPE,
    ) as process:
        os.close(theirs)
        stream = getattr(process, other)
        said = stream.read()
    return process.returncode, said


def test_what_is_equal_stays_equal_where_nobody_reads_it(migrated: Migrated, tmp_path: Path) -> None:
    report = str(migrated.folder / "report.json")
    password = str(migrated.target.password)
    assert unread("stdout", "verify", "--report", report, PGPASSWORD=password, TMPDIR=str(tmp_path)) == (0, b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--help"], ["completion", "bash"], ["self-check", "--help"]])
def test_a_command_ends_quietly_where_nobody_reads_it(arguments: list[str]) -> None:
    assert unread("stdout", *arguments) == (0, b"")


def test_what_is_wrong_stays_wrong_where_nobody_reads_it(tmp_path: Path) -> None:
    assert unread("stderr", "verify", "--report", str(tmp_path / "none.json")) == (3, b"")


def test_a_migration_goes_on_where_nobody_reads_its_progress(options: Options) -> None:
    code, said = unread("stderr", "migrate-to-system", *to_arguments(options), "--yes")
    assert code == 0
    assert b"Done and proved." in said


def test_a_terminal_that_was_closed_is_no_error(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "teleclaude", "verify", "--report", str(tmp_path / "none.json")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.close(ours)
    assert process.returncode == 3


def run_to(stdout: str, *words: str, stderr: str = "") -> tuple[int, str]:
    """Run a command with its streams as a shell is told; return its exit code and what else it says."""
    redirected = " ".join(part for part in (stdout, f"2{stderr}" if stderr else "") if part)
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirected}', "sh", sys.executable, "-m", "teleclaude", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@needs_full
def test_a_command_that_only_prints_has_not_done_its_work_on_a_full_disk() -> None:
    code, said = run_to(">/dev/full", "completion", "bash")
    assert code == 3
    assert said.startswith("teleclaude: stdout cannot be written: No space left on device\n")


@needs_full
def test_a_migration_onto_a_full_disk_says_what_became_of_the_data_and_where_its_report_is(options: Options) -> None:
    code, said = run_to(">/dev/full", "migrate-to-system", *to_arguments(options), "--yes")
    assert code == 0
    assert "stdout cannot be written, and everything else is done" in said
    report = Path(said.split()[-1])
    assert report.name == "report.json"
    assert report.exists()


@pytest.mark.parametrize("stdout", ["<&- >&-", "<&- >/dev/full" if Path("/dev/full").exists() else "<&- >&-"])
def test_no_closed_or_full_stream_is_a_bug(stdout: str, tmp_path: Path) -> None:
    full = ">/dev/full" if "full" in stdout else ">&-"
    assert run_to(stdout, "self-check", "--root", str(tmp_path), stderr=full) == (3, "")


def test_no_file_takes_the_number_of_a_closed_stream() -> None:
    look = "import os; from teleclaude.cli.outlet import open_outlets; open_outlets(); os._exit(os.open('/', 0))"
    done = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "-c", look], check=False)
    assert done.returncode > 2
