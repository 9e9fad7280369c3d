"""What keeps an installation from harm: one at a time, and nothing that root runs in the hands of others."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.shell import CHECKOUT, SHELLS

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def run_part(script: str, shell: str = "sh", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run some words of shell after the parts of the script, which are given what it would have found."""
    parts = "".join(f". {CHECKOUT}/bin/install/{name}.sh; " for name in ("messages", "lock", "requirements", "program"))
    command = [shell, *(["sh"] if shell == "busybox" else []), "-u", "-c", parts + script]
    environ = {"PATH": os.environ["PATH"], "real": "yes", "dry_run": "no", "platform": "Linux", **variables}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def process() -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"]) as living:
        yield living.pid
        living.kill()


@pytest.mark.parametrize("shell", SHELLS)
def test_of_two_at_once_the_second_is_refused_and_told_of_the_first(tmp_path: Path, shell: str, process: int) -> None:
    mark = tmp_path / f"mark.{process}"
    mark.touch()
    refused = run_part("take_lock; echo went on", shell, lock_file=str(tmp_path / "mark"))
    assert (refused.returncode, refused.stdout) == (3, "")
    assert f"another install-system.sh runs, process {process}" in refused.stderr
    assert f"rm {mark}" in refused.stderr
    assert list(tmp_path.iterdir()) == [mark]


@pytest.mark.parametrize("shell", SHELLS)
def test_one_that_was_killed_is_in_nobodys_way_and_none_leaves_a_mark(tmp_path: Path, shell: str) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    (tmp_path / f"mark.{gone.pid}").touch()
    # A subshell that ends is not the end of the installation.
    script = "take_lock; (true); said=$(echo); ls $lock_file.* | wc -l; exit 4"
    done = run_part(script, shell, lock_file=str(tmp_path / "mark"))
    assert (done.returncode, done.stdout.strip()) == (4, "1"), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_rehearsal_waits_for_nobody(tmp_path: Path, process: int) -> None:
    (tmp_path / f"mark.{process}").touch()
    assert run_part("take_lock", lock_file=str(tmp_path / "mark"), dry_run="yes").returncode == 0


def only_root_changes(path: Path) -> bool:
    answer = run_part(f"only_root_changes '{path}'; echo $?")
    assert answer.stderr == ""
    return answer.stdout == "0\n"


@pytest.fixture
def trusted() -> Iterator[Path]:
    """Make a folder that only root can change; where tests keep theirs everybody may write."""
    folder = Path(f"/opt/teleclaude-test-{os.getpid()}")
    for part in ("bin", "real"):
        (folder / part).mkdir(parents=True)
    (folder / "real/python").touch()
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@as_root
def test_what_is_in_roots_hands_alone_is_known_through_every_link(trusted: Path) -> None:
    real, link, folder = trusted / "real/python", trusted / "bin/python", trusted / "linked"
    link.symlink_to("../real/python")
    folder.symlink_to(trusted / "real")
    assert [only_root_changes(path) for path in (real, link, folder / "python")] == [True] * 3
    (trusted / "real").chmod(0o775)
    assert [only_root_changes(path) for path in (real, link, folder / "python")] == [False] * 3
    (trusted / "real").chmod(0o755)
    os.chown(real, 12345, -1)
    assert [only_root_changes(path) for path in (real, link, folder / "python")] == [False] * 3


@as_root
def test_a_python_that_somebody_else_could_change_is_not_one_that_root_runs(trusted: Path) -> None:
    hostile = trusted / "bin/python3"
    hostile.write_text(f"#!/bin/sh\ntouch {trusted}/ran\n")
    hostile.chmod(0o755)
    os.chown(hostile, 12345, -1)
    done = run_part('as() { shift; "$@"; }; check_python; echo $python', TELECLAUDE_PYTHON=str(hostile))
    assert str(hostile) not in done.stdout
    assert not (trusted / "ran").exists()


@as_root
@pytest.mark.parametrize(("place", "taken"), [("/usr/bin/python3", True), ("/srv/bin/python3", False)])
def test_a_python_that_the_service_could_not_run_is_not_taken(trusted: Path, place: str, taken: bool) -> None:
    elsewhere = trusted / "bin/python3"
    elsewhere.write_text(f"#!/bin/sh\necho {place}\n")
    elsewhere.chmod(0o755)
    done = run_part('as() { shift; "$@"; }; check_python; echo $python', TELECLAUDE_PYTHON=str(elsewhere))
    assert (str(elsewhere) in done.stdout) == taken


def test_a_service_that_was_switched_off_for_good_is_not_switched_on(tmp_path: Path) -> None:
    masked = tmp_path / "a.service"
    masked.symlink_to("/dev/null")
    refused = run_part("check_service", unit="a.service", unit_file=str(masked))
    assert refused.returncode == 3
    assert "systemctl unmask a.service" in refused.stderr


def test_two_wheels_of_the_program_are_one_too_many(tmp_path: Path) -> None:
    for version in ("0.10.0", "0.9.0"):
        (tmp_path / f"teleclaude-{version}-py3-none-any.whl").touch()
    refused = run_part("check_code", here=str(CHECKOUT), wheels=str(tmp_path))
    assert refused.returncode == 3
    assert "more than one wheel of teleclaude" in refused.stderr


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("head", ["#!{python}\n", "#!/bin/sh\n'''exec' {python} \"$0\" \"$@\"\n' '''\n"])
def test_the_command_that_root_starts_takes_no_module_from_the_environment(
    tmp_path: Path, shell: str, head: str
) -> None:
    command = tmp_path / "teleclaude"
    command.write_text(head.format(python=sys.executable) + "import sys\nprint(sys.flags.isolated, sys.argv[1])\n")
    command.chmod(0o755)
    assert run_part(f"isolate {command}", shell).returncode == 0
    (tmp_path / "sitecustomize.py").write_text("print('planted')")
    hostile = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([command, "word"], env=hostile, capture_output=True, text=True, check=False)
    assert done.stdout == "1 word\n", done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sitecustomize.py", "teleclaude"]
