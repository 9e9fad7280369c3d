"""The manual page and the completion are those of the commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from teleclaude.cli import ENVIRONMENT, cli
from tests.manual import to_roff
from tests.support.command import teleclaude
from tests.support.pages import commands, flags

STORED = (Path(__file__).parents[2] / "docs/teleclaude.1").read_text()


def date_of(page: str) -> str:
    found = re.match(r'\.TH "TELECLAUDE" "1" "(\d{4}-\d\d-\d\d)"', page)
    assert found is not None
    return found[1]


def test_the_stored_page_is_what_the_commands_say_now() -> None:
    assert to_roff(date_of(STORED)) == STORED, "./run man writes it anew"


def test_every_command_is_on_the_page_with_its_flags_examples_and_exit_codes() -> None:
    page = STORED.replace("\\-", "-").replace("\\(ti", "~")
    for name, command in commands(cli).items():
        section = page.split(f".B teleclaude {name}\n")[1].split("\n.SH ")[0]
        assert {flag for flag in flags(command) if f"\\fB{flag}\\fP" not in section} == set()
        assert command.epilog
        assert {line for line in command.epilog.replace("\b\n", "").splitlines() if line not in section} == set()


def test_the_environment_is_on_the_page() -> None:
    section = STORED.replace("\\-", "-").split(".SH ENVIRONMENT\n")[1]
    assert {line for line in ENVIRONMENT.removeprefix("\b\n").splitlines() if line not in section} == set()


@pytest.mark.parametrize(
    "command",
    [["groff", "-man", "-Tutf8", "-ww"], ["man", "--warnings", "-l"], ["mandoc", "-T", "lint", "-W", "style"]],
    ids=lambda command: command[0],
)
def test_the_page_renders_without_a_warning(command: list[str], tmp_path: Path) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not here")
    page = tmp_path / "teleclaude.1"
    page.write_text(STORED)
    done = subprocess.run([*command, page], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert command[0] != "mandoc" or done.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_takes_its_completion_and_gets_the_commands(shell: str) -> None:
    script = teleclaude("completion", shell)
    assert script.returncode == 0
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not here")
    checked = subprocess.run([shell, "-n", "-c", script.stdout], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_bash_completes_commands_and_flags() -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not here")
    asking = "COMP_WORDS=(teleclaude migrate-to-system --re); COMP_CWORD=2; _teleclaude_completion teleclaude"
    script = f'eval "$(teleclaude completion bash)"; {asking}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["--report-dir", "--resume"], done.stderr
