"""What a service manager says is read, played by programs of the tests on the PATH; no container runs a real one."""

import os
import plistlib
from collections.abc import Callable
from pathlib import Path

import pytest

from teleclaude.errors import Problem
from teleclaude.platform import services
from teleclaude.platform.names import LINUX, MACOS, UnitState
from teleclaude.platform.problems import NO_ANSWER, NO_PROGRAM
from teleclaude.platform.services import (
    find_unit_folders,
    read_command,
    read_state,
    run_program,
)

RUNS = "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nResult=success\nNeedDaemonReload=no\n"
JOB = "system/ai.instrukt.teleclaude.system = {\n\tstate = running\n\tlast exit code = (never exited)\n}\n"
Play = Callable[[str, str], None]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Put a program that runs a script where one is looked for."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(services, "PROGRAMS", f"{tmp_path}:/usr/bin:/bin")

    def write(program: str, script: str) -> None:
        (tmp_path / program).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / program).chmod(0o755)

    return write


def ask_systemd() -> UnitState | Problem:
    return read_state(LINUX.unit, ("systemctl",))


def ask_launchd() -> UnitState:
    state = read_state(MACOS.unit, ("launchctl",))
    assert isinstance(state, UnitState)
    return state


def test_the_state_of_a_unit_is_read(play: Play) -> None:
    play("systemctl", f"cat <<'TEXT'\n{RUNS}TEXT")
    assert ask_systemd() == UnitState("loaded", "enabled", "active", "success", stale=False, kept=True, at_boot=True)


@pytest.mark.parametrize(
    ("active", "enabled", "kept", "at_boot"),
    [
        ("activating", "disabled", True, False),
        ("reloading", "static", True, False),
        ("inactive", "enabled-runtime", False, True),
        ("failed", "", False, False),
        ("deactivating", "masked", False, False),
    ],
)
def test_what_runs_or_starts_at_boot_is_told_by_the_words_of_systemd(
    play: Play, active: str, enabled: str, kept: bool, at_boot: bool
) -> None:
    play("systemctl", f"echo LoadState=loaded; echo UnitFileState={enabled}; echo ActiveState={active}")
    state = ask_systemd()
    assert isinstance(state, UnitState)
    assert (state.kept, state.at_boot) == (kept, at_boot)


def test_the_manager_of_a_user_is_asked_for_the_units_of_the_user(play: Play) -> None:
    play("systemctl", 'echo "LoadState=$*"')
    state = read_state(LINUX.old, ("systemctl", "--user", "--machine=ada@.host"))
    assert isinstance(state, UnitState)
    assert state.load.startswith("--user --machine=ada@.host show ")
    assert state.load.endswith(" teleclaude.service")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'System has not been booted with systemd' >&2; exit 1", "System has not been booted with systemd"),
        ("exit 1", "it says nothing"),
        ("echo LoadState=loaded; exit 3", "LoadState=loaded"),
        ("exec sleep 60", "it said nothing for 0 seconds"),
    ],
)
def test_a_manager_that_does_not_answer_says_why(
    play: Play, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(services, "SECONDS", 0.3)
    play("systemctl", script)
    assert ask_systemd() == NO_ANSWER.fill(reason=reason)


def test_where_there_is_no_manager_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(services, "PROGRAMS", str(tmp_path))
    assert ask_systemd() == NO_PROGRAM.fill(program="systemctl")
    assert read_state(MACOS.unit, ("launchctl",)) == NO_PROGRAM.fill(program="launchctl")


def test_the_state_of_a_job_is_read(play: Play) -> None:
    play("launchctl", f"[ $1 = print ] && cat <<'TEXT'\n{JOB}TEXT")
    assert ask_launchd() == UnitState("loaded", "enabled", "active", "", stale=False, kept=True, at_boot=True)


@pytest.mark.parametrize("word", ["disabled", "true"])
def test_a_job_that_is_disabled_does_not_start_by_itself(play: Play, word: str) -> None:
    play("launchctl", f"""[ $1 = print-disabled ] && echo '"{MACOS.unit.name}" => {word}'""")
    state = ask_launchd()
    assert (state.enabled, state.at_boot) == ("disabled", False)


def test_a_job_of_another_label_that_is_disabled_is_another(play: Play) -> None:
    play("launchctl", f"""[ $1 = print-disabled ] && echo '"{MACOS.unit.name}.other" => disabled'""")
    assert ask_launchd().at_boot


def test_a_job_that_ended_with_an_error_has_failed_and_is_started_again(play: Play) -> None:
    play("launchctl", "[ $1 = print ] && printf '\\tstate = waiting\\n\\tlast exit code = 78: EX_CONFIG\\n'")
    state = ask_launchd()
    assert (state.active, state.result, state.kept) == ("failed", "exit code 78", True)


def test_a_job_that_launchd_does_not_know_is_not_found(play: Play) -> None:
    play("launchctl", "exit 113")
    state = ask_launchd()
    assert (state.load, state.active, state.kept) == ("not-found", "inactive", False)


def test_units_of_systemd_are_the_systems_and_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / "link").symlink_to("units")
    monkeypatch.setattr(services, "SYSTEM_UNITS", (tmp_path / "units", tmp_path / "link"))
    system, user = find_unit_folders(tmp_path, LINUX.key)
    assert (system.path, system.of_user, system.control) == (tmp_path / "units", False, "sudo systemctl")
    assert (user.path, user.of_user) == (tmp_path / ".config/systemd/user", True)
    assert (user.ask, user.control) == (("systemctl", "--user"), "systemctl --user")
    assert user.unit("teleclaude.service").name == "teleclaude.service"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_units_of_another_user_are_reached_as_that_user(tmp_path: Path) -> None:
    os.chown(tmp_path, 1, -1)
    *_, user = find_unit_folders(tmp_path, LINUX.key)
    assert user.control == "sudo systemctl --user --machine=daemon@.host"


def test_agents_of_launchd_are_the_users(tmp_path: Path) -> None:
    [agents] = find_unit_folders(tmp_path, MACOS.key)
    assert (agents.path, agents.domain) == (tmp_path / "Library/LaunchAgents", f"gui/{os.geteuid()}")
    agent = agents.unit("ai.instrukt.teleclaude.daemon.plist")
    assert (agent.name, agent.path) == (MACOS.old.name, tmp_path / MACOS.old.path)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("[Service]\n ExecStart = /opt/telec run\n", "/opt/telec run"),
        ("[Path]\nUnit=teleclaude.service\n", "teleclaude.service"),
        ("[Service]\n", ""),
        (plistlib.dumps({"ProgramArguments": ["/opt/telec", "run", 1]}).decode(), "/opt/telec run 1"),
        (plistlib.dumps({"ProgramArguments": "/opt/telec"}).decode(), ""),
        (plistlib.dumps(["/opt/telec"]).decode(), ""),
        ("<?xml version='1.0'?><plist><dict>", ""),
    ],
)
def test_what_a_unit_starts_is_read_from_its_text(text: str, command: str) -> None:
    assert read_command(text) == command


def test_a_program_gets_nothing_to_read_and_says_both_what_it_prints_and_what_went_wrong(play: Play) -> None:
    play("systemctl", "cat; echo out; echo wrong >&2; exit 4")
    answer = run_program(["systemctl"])
    assert (answer.returncode, answer.stdout, answer.stderr) == (4, "out\n", "wrong\n")


def test_a_program_that_cannot_be_run_is_no_error(play: Play, tmp_path: Path) -> None:
    play("systemctl", "")
    (tmp_path / "systemctl").write_text("#!/nonexistent\n")
    assert run_program(["systemctl"]).returncode == 126
    assert run_program(["no-such-program"]).returncode == 127


def test_root_looks_for_no_program_on_the_path_of_its_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted").write_text("#!/bin/sh\necho planted\n")
    (tmp_path / "planted").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert run_program(["planted"]).returncode == 127
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert run_program(["planted"]).stdout == "planted\n"
