import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from rich.console import Console
from sqlalchemy import URL

from teleclaude.cli import Settled, cli, settled
from teleclaude.cli.sessions import show
from teleclaude.demo.installation import SampleInstallation
from teleclaude.migration.source.options import Options
from teleclaude.printable import printable
from tests.support.command import teleclaude, to_arguments
from tests.support.sample import has_nothing


def test_help_shows_examples_and_every_exit_code() -> None:
    shown = teleclaude("migrate-to-system", "--help")
    assert shown.returncode == 0
    assert "Examples:" in shown.stdout
    for code in ("0", "1", "2", "3", "4", "5", "130"):
        assert f"  {code:<5}" in shown.stdout


@pytest.mark.parametrize(
    "arguments", [["--batch-size", "0"], ["--uid", "-1"], ["--uid", "ada"], ["--nonsense"], ["extra"]]
)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["migrate-to-system", *arguments]).exit_code == 2


def test_people_get_a_page_with_what_was_verified_and_the_rollback(options: Options) -> None:
    done = teleclaude("migrate-to-system", *to_arguments(options), "--yes")
    assert done.returncode == 0, done.stderr
    for said in ("values read back, all equal", "the daemon booted on it and lists 20 sessions", "To go back:"):
        assert said in done.stdout


async def test_without_a_terminal_only_yes_is_consent(options: Options, target: URL) -> None:
    done = teleclaude("migrate-to-system", *to_arguments(options))
    assert done.returncode == 3
    assert "use --yes" in done.stderr
    assert await has_nothing(target)


def test_a_refusal_prints_its_sentence_and_remedy_on_stderr(options: Options, sample: SampleInstallation) -> None:
    sample.database.unlink()
    done = teleclaude("migrate-to-system", *to_arguments(options), "--yes")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "there is no database at" in done.stderr
    assert "use --source DIR with the checkout" in done.stderr
    assert "Traceback" not in done.stderr


def test_pg_variables_name_the_target(options: Options, target: URL) -> None:
    arguments = to_arguments(options)
    place = arguments.index("--target")
    del arguments[place : place + 2]
    variables = {
        "PGHOST": str(target.query["host"]),
        "PGUSER": str(target.username),
        "PGPASSWORD": str(target.password),
        "PGDATABASE": str(target.database),
    }
    done = teleclaude("migrate-to-system", *arguments, "--yes", "--json", **variables)
    assert done.returncode == 0, done.stderr
    assert str(target.password) not in done.stdout + done.stderr


def test_a_bug_is_one_sentence_and_a_file(tmp_path: Path) -> None:
    program = (
        "import sys, teleclaude.cli.config; sys.modules['teleclaude.cli.config'].read_yaml = lambda path: 1 / 0\n"
        "sys.argv = ['teleclaude', *'config split --config /dev/null --env /dev/null --output-dir z'.split()]\n"
        "from teleclaude.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (kept,) = tmp_path.iterdir()
    assert str(kept) in done.stderr
    assert "ZeroDivisionError" in kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_config_split_writes_three_files(sample: SampleInstallation, tmp_path: Path) -> None:
    arguments = ["--config", str(sample.checkout / "config.yml"), "--env", str(sample.checkout / ".env")]
    done = CliRunner().invoke(cli, ["config", "split", *arguments, "--output-dir", str(tmp_path / "new")])
    assert done.exit_code == 0, done.stderr
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    assert modes == {"config.yml": 0o644, "secrets.yml": 0o600, "user.yml": 0o600}
    assert yaml.safe_load((tmp_path / "new/user.yml").read_text())["tts"] == {
        "enabled": True,
        "service_priority": ["openai"],
    }


def test_config_split_dry_run_shows_no_secret_and_writes_nothing(sample: SampleInstallation, tmp_path: Path) -> None:
    arguments = ["--config", str(sample.checkout / "config.yml"), "--env", str(sample.checkout / ".env")]
    done = CliRunner().invoke(cli, ["config", "split", *arguments, "--output-dir", str(tmp_path / "new"), "--dry-run"])
    assert done.exit_code == 0
    assert "OPENAI_API_KEY: '***'" in done.stdout
    assert "sample-openai-key" not in done.stdout
    assert not (tmp_path / "new").exists()


def test_sessions_without_a_daemon_is_one_sentence(tmp_path: Path) -> None:
    done = teleclaude("sessions", "--root", str(tmp_path))
    assert done.returncode == 3
    assert "no daemon answers" in done.stderr
    assert "teleclaude daemon" in done.stderr


@pytest.mark.parametrize("title", ["[/x] done", "[bold]no", "\x1b[2Jgone", "\u202eback"])
def test_the_title_of_a_session_is_shown_and_not_obeyed(title: str, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("session_id", "status", "active_agent", "computer")
    row = {**dict.fromkeys(names, "x"), "title": title, "last_activity": "2026-01-02T03:04:05.678+00:00"}
    Console(width=100).print(show([row]))
    said = capsys.readouterr().out
    assert printable(title) in said
    assert "2026-01-02 03:04 " in f"{said} "


def test_a_title_with_an_emoji_of_several_parts_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    family = "\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL}"
    names = ("session_id", "title", "status", "active_agent", "computer", "last_activity")
    Console(width=100).print(show([{**dict.fromkeys(names, "x"), "title": family}]))
    assert family in capsys.readouterr().out


def test_config_split_writes_all_files_or_none(sample: SampleInstallation, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/user.yml").write_text("mine")
    done = teleclaude(
        *("config", "split", "--config", str(sample.checkout / "config.yml"), "--env", str(sample.checkout / ".env")),
        *("--output-dir", str(tmp_path / "new")),
    )
    assert done.returncode == 3
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == {"user.yml": "mine"}


def test_what_became_of_the_data_wins_over_a_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(Settled) as ended, settled(5):
        raise KeyError("a bug of the page")
    assert ended.value.code == 5
    assert len(list(tmp_path.iterdir())) == 1


def test_a_bug_that_cannot_be_kept_is_one_sentence() -> None:
    program = (
        "import tempfile, teleclaude.cli as cli; tempfile.tempdir = '/nowhere'; cli.cli = lambda: 1 / 0; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("teleclaude: a bug: ZeroDivisionError; its traceback cannot be kept: No such file")


def test_a_current_directory_that_was_removed_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    command = 'rmdir "$PWD" && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "teleclaude", "daemon"],
        cwd=tmp_path / "gone",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "the current directory has been removed" in done.stderr
