"""What a service manager says, played by a program of the tests on the PATH."""

from dataclasses import replace
from pathlib import Path

import pytest

from teleclaude.checks import service
from teleclaude.checks.facts import Facts, Setting
from teleclaude.checks.look import look_at_installation, look_at_setting
from teleclaude.checks.look.daemon import look_at_old_units, look_at_service
from teleclaude.checks.result import Result, State
from teleclaude.errors import Problem
from teleclaude.layout import make_layout
from teleclaude.platform import services
from teleclaude.platform.names import HERE, LINUX
from teleclaude.platform.problems import NO_PROGRAM

FINE = "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nResult=success\nNeedDaemonReload=no\n"
NO_OLD = "LoadState=not-found\nUnitFileState=\nActiveState=inactive\nResult=success\nNeedDaemonReload=no\n"
LAUNCHD = "system/ai.instrukt.teleclaude.system = {\n\tstate = running\n\tlast exit code = (never exited)\n}\n"


def play(program: str, script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / program
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(services, "PROGRAMS", f"{folder}:/usr/bin:/bin")


def systemd(ours: str, old: str = NO_OLD, name: str = "teleclaude.service") -> str:
    answers = {"*teleclaude-system*": ours, f"*' {name}'": old, "*": NO_OLD}
    cases = (f"{pattern}) cat <<'TEXT'\n{answer}TEXT\n;; " for pattern, answer in answers.items())
    return f"case $* in {''.join(cases)}esac"


async def judged(platform: str, tmp_path: Path) -> dict[str, Result]:
    """Return what is said of the service in the real places, by what each part of it is called."""
    layout = make_layout(platform)
    setting: Setting = replace(look_at_setting(layout, platform))
    facts: Facts = await look_at_installation(tmp_path, {}, HERE)
    ours, old = await look_at_service(layout, platform), await look_at_old_units(layout, platform)
    seen = replace(facts, setting=setting, service=ours, old_units=old)
    return {leaf.name: leaf for leaf in service.judge(seen).leaves()}


async def only(name: str, state: State, tmp_path: Path, platform: str = "linux") -> tuple[str, str]:
    found = await judged(platform, tmp_path)
    assert {part: leaf.state for part, leaf in found.items() if leaf.state is not State.PASS} == {name: state}
    return found[name].problem.message, found[name].problem.hint


async def test_a_service_that_runs_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play("systemctl", systemd(FINE), tmp_path, monkeypatch)
    assert {leaf.state for leaf in (await judged("linux", tmp_path)).values()} == {State.PASS}


@pytest.mark.parametrize(
    ("change", "part", "state", "sentence", "remedy"),
    [
        (
            ("ActiveState=active\nResult=success", "ActiveState=failed\nResult=exit-code"),
            "activity",
            State.FAILURE,
            "teleclaude-system.service has failed: exit-code",
            "sudo journalctl --unit teleclaude-system.service",
        ),
        (
            ("ActiveState=active", "ActiveState=inactive"),
            "activity",
            State.WARNING,
            "teleclaude-system.service is inactive",
            "sudo systemctl start teleclaude-system.service",
        ),
        (
            ("UnitFileState=enabled", "UnitFileState=disabled"),
            "unit",
            State.WARNING,
            "teleclaude-system.service is disabled: it does not start at boot",
            "sudo systemctl enable teleclaude-system.service",
        ),
        (
            ("LoadState=loaded\nUnitFileState=enabled", "LoadState=not-found\nUnitFileState="),
            "unit",
            State.FAILURE,
            "teleclaude-system.service is not installed",
            "sudo bin/install-system.sh",
        ),
        (
            ("LoadState=loaded", "LoadState=bad-setting"),
            "unit",
            State.FAILURE,
            "teleclaude-system.service is bad-setting",
            "sudo systemctl status teleclaude-system.service",
        ),
        (
            ("NeedDaemonReload=no", "NeedDaemonReload=yes"),
            "unit",
            State.WARNING,
            "has changed since",
            "sudo systemctl daemon-reload",
        ),
    ],
)
async def test_a_service_that_is_not_as_it_should_be(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: tuple[str, str],
    part: str,
    state: State,
    sentence: str,
    remedy: str,
) -> None:
    changed = FINE.replace(*change)
    assert changed != FINE
    play("systemctl", systemd(changed), tmp_path, monkeypatch)
    said = await only(part, state, tmp_path)
    assert sentence in said[0]
    assert said[1].startswith(remedy)


@pytest.mark.parametrize(
    ("old", "still"),
    [(FINE.replace("=active\n", "=inactive\n"), "enabled"), (FINE.replace("enabled", "disabled"), "active")],
)
@pytest.mark.parametrize("name", [unit.name for unit in LINUX.old_units])
async def test_an_old_unit_that_is_enabled_or_active_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, still: str, name: str
) -> None:
    play("systemctl", systemd(FINE, old, name), tmp_path, monkeypatch)
    sentence, remedy = await only(f"old unit {name}", State.FAILURE, tmp_path)
    assert sentence == f"{name}, a unit of the old installation, is still {still}"
    assert remedy == f"sudo systemctl disable --now {name}"


async def test_where_systemd_does_not_run_the_reason_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play("systemctl", "echo 'System has not been booted with systemd'; exit 1", tmp_path, monkeypatch)
    sentence, _ = await only("service", State.SKIPPED, tmp_path)
    assert "has not been booted with systemd" in sentence


async def test_a_service_manager_that_says_nothing_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("teleclaude.platform.services.SECONDS", 0.2)
    play("systemctl", "exec sleep 60", tmp_path, monkeypatch)
    said = await look_at_service(make_layout("linux"), "linux")
    assert isinstance(said, Problem)
    assert "it said nothing" in said.message


async def test_where_there_is_no_service_manager_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(services, "PROGRAMS", str(tmp_path))
    assert await look_at_service(make_layout("linux"), "linux") == NO_PROGRAM.fill(program="systemctl")


async def test_launchd_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play("launchctl", f"cat <<'TEXT'\n{LAUNCHD}TEXT", tmp_path, monkeypatch)
    assert {leaf.state for leaf in (await judged("darwin", tmp_path)).values()} == {State.PASS}
    play("launchctl", "exit 113", tmp_path, monkeypatch)
    found = await judged("darwin", tmp_path)
    assert found["unit"].problem.message == "ai.instrukt.teleclaude.system is not installed"
    assert found["activity"].problem.hint == "sudo launchctl kickstart system/ai.instrukt.teleclaude.system"
