"""Names and commands of both systems are whole, and a shell can run them whatever a unit is called."""

import re
import subprocess
import sys
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from teleclaude.platform.names import HERE, LINUX, MACOS, SYSTEMS, Names, Unit, names_of

both = pytest.mark.parametrize("names", SYSTEMS, ids=[names.key for names in SYSTEMS])


def run_in_shell(command: str) -> str:
    """Return what a shell makes of a command, its programs played by functions that print their arguments."""
    programs = "".join(
        f"{name}() {{ printf '<%s>' {name} \"$@\"; }}\n" for name in ("systemctl", "launchctl", "sudo", "journalctl")
    )
    done = subprocess.run(["sh", "-ec", programs + command], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_system_that_we_run_on_is_known_by_its_key() -> None:
    assert names_of(HERE).key == sys.platform


@both
def test_a_system_is_found_by_its_key(names: Names) -> None:
    assert names_of(names.key) is names


@both
def test_the_new_installation_takes_nothing_that_the_old_one_owns(names: Names) -> None:
    assert names.unit.name != names.old.name
    assert names.unit.path != names.old.path


@both
def test_every_command_is_one_that_a_shell_can_run_and_names_the_unit(names: Names) -> None:
    for unit in (names.unit, names.old):
        for command in map(unit.fill, astuple(names.commands)):
            assert re.search(r"[{}]", command.replace("$(", "")) is None, command
            assert unit.name in run_in_shell(command) or command.endswith("daemon-reload"), command


@both
def test_a_strange_name_of_a_unit_stays_one_word(names: Names, tmp_path: Path) -> None:
    strange = replace(names.unit, name="tele$(touch planted) claude'.service", path=tmp_path / "a b")
    for command in astuple(names.commands):
        said = run_in_shell(f"cd {tmp_path}; {strange.fill(command)}")
        assert "{unit}" not in command or f"<{strange.name}>" in said
        assert "{target}" not in command or f"<system/{strange.name}>" in said or f"</{strange.name}>" in said
        assert "{path}" not in command or f"<{strange.path}>" in said
    assert list(tmp_path.iterdir()) == []


def test_an_old_unit_is_retired_for_good_and_comes_back_as_it_was() -> None:
    commands = LINUX.commands
    assert LINUX.old.fill(commands.retire) == "sudo systemctl disable --now teleclaude.service"
    assert LINUX.old.fill(commands.restore) == (
        "sudo systemctl unmask teleclaude.service && sudo systemctl enable --now teleclaude.service"
    )
    assert LINUX.old.fill(commands.resume).endswith(" && sudo systemctl start teleclaude.service")


def test_a_new_unit_starts_now_and_at_each_boot() -> None:
    assert LINUX.our(LINUX.commands.launch) == "sudo systemctl enable --now teleclaude-system.service"


@pytest.mark.parametrize(
    ("folder", "packaged"),
    [
        ("/usr/lib/systemd/system", True),
        ("/lib/systemd/system", True),
        ("/etc/systemd/system", False),
        ("/home/a", False),
    ],
)
def test_only_a_unit_of_a_package_can_be_masked(folder: str, packaged: bool) -> None:
    assert replace(LINUX.old, path=Path(folder) / LINUX.old.name).packaged is packaged


def test_the_old_daemon_is_one_of_the_old_units_and_the_new_one_is_none() -> None:
    names = [unit.name for unit in LINUX.old_units]
    assert LINUX.old in LINUX.old_units
    assert "teleclaude-config.path" in names
    assert LINUX.unit.name not in names


def test_the_new_unit_and_the_old_one_never_run_together() -> None:
    unit = (Path(__file__).parents[2] / "etc" / LINUX.unit.name).read_text()
    assert f"\nConflicts={LINUX.old.name}\n" in unit
    assert re.search(rf"^After=.*\b{re.escape(LINUX.old.name)}$", unit, re.M)


def test_an_old_agent_is_the_callers_own() -> None:
    own = subprocess.run(["id", "-u"], capture_output=True, text=True, check=True).stdout.strip()
    said = run_in_shell(MACOS.old.fill(MACOS.commands.stop))
    assert said == f"<launchctl><bootout><gui/{own}/ai.instrukt.teleclaude.daemon>"


def test_a_job_of_launchd_that_was_disabled_is_enabled_before_it_is_launched() -> None:
    label = "system/ai.instrukt.teleclaude.system"
    file = "/Library/LaunchDaemons/ai.instrukt.teleclaude.system.plist"
    assert run_in_shell(MACOS.our(MACOS.commands.launch)) == (
        f"<sudo><launchctl><enable><{label}><sudo><launchctl><bootstrap><system><{file}>"
    )


def test_a_user_unit_is_reached_through_the_manager_of_its_user() -> None:
    unit = Unit("teleclaude.service", "systemctl --user", Path("/home/ada/.config/systemd/user/teleclaude.service"))
    assert unit.fill(LINUX.commands.stop) == "systemctl --user stop teleclaude.service"
