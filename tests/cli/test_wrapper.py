"""bin/migrate-to-system.sh as an operator runs it."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import URL, make_url

from teleclaude.migration.source.options import Options
from tests.support.command import to_arguments
from tests.support.sample import as_on_a_terminal, files_below, has_nothing

SCRIPT = Path(__file__).parents[2] / "bin" / "migrate-to-system.sh"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Let the script find the program that is tested."""
    program = tmp_path / "teleclaude"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m teleclaude "$@"\n')
    program.chmod(0o755)
    return {**os.environ, "TELECLAUDE": str(program)}


def run(arguments: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", SCRIPT, *arguments], env=environ, capture_output=True, text=True, check=False)


def test_it_names_what_it_checked_and_where_the_report_lies(options: Options, environ: dict[str, str]) -> None:
    done = run([*to_arguments(options), "--yes"], environ)
    assert done.returncode == 0, done.stderr
    for checked in ("platform", "program", "privileges", "places"):
        assert checked in done.stderr
    assert f"{options.root}/var/lib/teleclaude/migration" in done.stderr
    assert "Done and proved." in done.stdout


def test_it_is_quiet_where_the_migration_is(options: Options, environ: dict[str, str]) -> None:
    refused = run([*to_arguments(options), "--yes", "--quiet", "--person", "Zoe"], environ)
    assert refused.returncode == 3
    assert "does not know Zoe" in refused.stderr
    assert "privileges" not in refused.stderr


def test_it_gives_the_exit_code_of_the_migration(options: Options, environ: dict[str, str]) -> None:
    assert run([*to_arguments(options), "--nonsense"], environ).returncode == 2


def test_it_leaves_it_to_the_program_to_say_what_is_wrong_with_the_target(
    options: Options, environ: dict[str, str]
) -> None:
    without = [flag for flag in to_arguments(options) if flag not in ("--target", options.target)]
    done = run([*without, "--yes"], environ)
    assert done.returncode == 3
    assert "no target is named" in done.stderr


def test_it_takes_a_service_for_a_target(options: Options, environ: dict[str, str], tmp_path: Path) -> None:
    url = make_url(options.target or "")
    query = {name: str(value) for name, value in url.query.items()}
    parts = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, **query}
    lines = [f"{name}={value}" for name, value in {**parts, "dbname": url.database}.items() if value]
    (tmp_path / "services").write_text("\n".join(["[trial]", *lines]))
    service = {"PGSERVICE": "trial", "PGSERVICEFILE": str(tmp_path / "services")}
    without = [flag for flag in to_arguments(options) if flag not in ("--target", options.target)]
    done = run([*without, "--yes", "--dry-run"], environ | service)
    assert done.returncode == 0, done.stderr
    assert "The rehearsal went well" in done.stdout


def test_it_refuses_where_no_program_runs(tmp_path: Path) -> None:
    elsewhere = tmp_path / "bin"
    elsewhere.mkdir()
    (elsewhere / SCRIPT.name).write_text(SCRIPT.read_text())
    done = subprocess.run(
        ["sh", elsewhere / SCRIPT.name], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "no teleclaude runs here" in done.stderr


def test_it_works_without_a_standard_input(options: Options, environ: dict[str, str]) -> None:
    words = ["sh", "-c", 'exec sh "$@" <&-', "-", str(SCRIPT), *to_arguments(options), "--yes", "--dry-run"]
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_server_that_does_not_answer_is_refused_at_once(options: Options, environ: dict[str, str]) -> None:
    arguments = to_arguments(dataclasses.replace(options, target="postgresql://ada:planted@127.0.0.1:1/d"))
    done = run([*arguments, "--yes"], environ)
    assert done.returncode == 3
    assert "127.0.0.1:1" in done.stderr
    assert "planted" not in done.stderr
    assert options.root is not None
    assert not options.root.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_to_the_script_undoes_the_migration(
    options: Options, environ: dict[str, str], target: URL, number: signal.Signals
) -> None:
    script = subprocess.Popen(
        ["sh", SCRIPT, *to_arguments(options), "--yes", "--batch-size", "1"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=as_on_a_terminal,
    )
    assert script.stderr is not None
    while "transfer" not in script.stderr.readline():
        assert script.poll() is None
    time.sleep(0.05)
    script.send_signal(number)
    _, rest = script.communicate(timeout=60)
    assert script.returncode == 130, rest
    assert rest.endswith("interrupted and undone\n")
    assert await has_nothing(target)
    assert options.root is not None
    assert [name for name in files_below(options.root) if "/migration/" not in name] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="of others the PATH is their own")
def test_root_runs_no_program_from_the_path_of_its_caller(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / SCRIPT.name).write_text(SCRIPT.read_text())
    for name in ("id", "uname", "dirname", "teleclaude"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/planted\n")
        (tmp_path / name).chmod(0o755)
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = ["sh", str(tmp_path / "bin" / SCRIPT.name), "--root", str(tmp_path / "root")]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "no teleclaude runs here" in done.stderr
    assert not (tmp_path / "planted").exists()
