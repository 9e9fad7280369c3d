"""An installation from its first command to its last, on a Debian that boots; a test goes on where the last ended."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from teleclaude import __version__
from teleclaude.demo.installation import make_installation
from tests.system.machine import CHECKOUT, Machine, booted, collect_wheels, copy_checkout, make_base, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")

INSTALL = "/srv/checkout/bin/install-system.sh"
WHEELS = ("--wheels", "/srv/wheels")
LOCKS = ("requirements-system.lock", "requirements-build.lock")
PARTS = ("bin", "docs", "etc", "teleclaude", "pyproject.toml", "README.md", *LOCKS)
TARGET = "postgresql://teleclaude@localhost/teleclaude?passfile=/etc/teleclaude/pgpass"
MANUAL = "/usr/local/share/man/man1/teleclaude.1"
UNIT = "teleclaude-system.service"
OLD, OLD_PATH = "teleclaude.service", "teleclaude-config.path"
OLD_UNITS = {
    OLD: "[Service]\nWorkingDirectory=/home/ada/checkout\nExecStart=/bin/sleep infinity\n",
    OLD_PATH: "[Path]\nPathChanged=/home/ada/checkout/config.yml\n",
    "teleclaude-config.service": f"[Service]\nType=oneshot\nExecStart=systemctl restart {OLD}\n",
}
"""The units of an old installation: the path restarts its daemon when the configuration changes."""
SUDO = '#!/bin/sh\n[ "$1" != -u ] || { user=$2; shift 2; exec runuser -u "$user" -- "$@"; }\nexec "$@"\n'
ADA, BOB, EVE = 1001, 1002, 1003
"""An admin, a member, and somebody whom the configuration does not name."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Boot a Debian with an old installation on it, and three people."""
    work = tmp_path_factory.mktemp("machine")
    wheels = collect_wheels(make_base())
    with booted(work) as machine:
        copy_checkout(machine.root / "srv/checkout", PARTS)
        subprocess.run(["cp", "-a", wheels, machine.root / "srv/wheels"], check=True)
        for name, uid in {"ada": ADA, "bob": BOB, "eve": EVE}.items():
            machine.run("useradd", "--create-home", "--uid", str(uid), "--shell", "/bin/sh", name)
        make_old_installation(machine, work)
        yield machine


def make_old_installation(machine: Machine, work: Path) -> None:
    """Put the sample into the home of Ada as it would be there, with its unit."""
    sample = make_installation(work / "sample")
    home = machine.root / "home/ada"
    subprocess.run(["cp", "-a", sample.checkout, home / "checkout"], check=True)
    subprocess.run(["cp", "-a", sample.home / ".teleclaude", home], check=True)
    for link in (path for path in (home / ".teleclaude").rglob("*") if path.is_symlink()):
        there = str(link.readlink()).replace(str(sample.checkout), "/home/ada/checkout")
        link.unlink()
        link.symlink_to(there)
    machine.run("chown", "-R", "ada:ada", "/home/ada")
    for name, text in OLD_UNITS.items():
        wanted = "[Install]\nWantedBy=multi-user.target\n"
        (machine.root / "etc/systemd/system" / name).write_text(text + wanted)
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", OLD, OLD_PATH)
    sudo = machine.root / "usr/bin/sudo"
    sudo.write_text(SUDO)
    sudo.chmod(0o755)


def migrate(machine: Machine) -> None:
    """Do what README says under Migrate."""
    machine.run("systemctl", "disable", "--now", OLD)
    machine.run("systemctl", "stop", OLD_PATH)
    source = ("--source", "/home/ada/checkout", "--home", "/home/ada")
    done = machine.run("teleclaude", "migrate-to-system", *source, "--target", TARGET, "--yes")
    assert "Done and proved." in done.stdout
    machine.run("sh", f"{folder_of_run(machine)}/cutover.sh")
    machine.run("systemctl", "enable", "--now", UNIT)


def folder_of_run(machine: Machine) -> str:
    runs = "/var/lib/teleclaude/migration"
    return f"{runs}/{machine.run('ls', '-t', runs).stdout.split()[0]}"


def after_a_reboot(machine: Machine) -> set[str]:
    """Return the units of daemons that are active, and what starts them, after a reboot."""
    machine.restart()
    units = (UNIT, OLD, OLD_PATH)
    return {unit for unit in units if machine.run("systemctl", "is-active", unit, ok=False).stdout == "active\n"}


def everything(machine: Machine) -> list[str]:
    """Return every path, mode, owner and size that an installation could change, and the roles and databases."""
    places = ("/etc", "/opt", "/usr/local", "/var/lib/teleclaude", "/var/log/teleclaude")
    listed = machine.run("find", *places, "-printf", "%p %M %u %g %s %l\\n", ok=False).stdout.splitlines()
    return [
        *sorted(listed),
        *machine.sql("SELECT rolname FROM pg_roles UNION SELECT datname FROM pg_database", "postgres"),
    ]


def modes(machine: Machine, *paths: str) -> dict[str, str]:
    found = machine.run("stat", "--format", "%n %a %U:%G", *paths).stdout
    return {path: rest for path, _, rest in (line.partition(" ") for line in found.splitlines())}


def old_installation(machine: Machine) -> str:
    unit = "/etc/systemd/system/teleclaude.service"
    files = f"find /home/ada/checkout {unit} -type f -exec sha256sum {{}} + | sort"
    return machine.run("sh", "-c", files).stdout


def open_sessions(machine: Machine, user: str | None) -> set[str]:
    answer = machine.run("teleclaude", "sessions", "--json", user=user).stdout
    return {session["session_id"] for session in json.loads(answer)}


def exposure(machine: Machine) -> float:
    said = machine.run("systemd-analyze", "security", "--no-pager", UNIT).stdout
    score = re.search(r"exposure level for \S+: ([\d.]+)", said)
    assert score is not None, said
    return float(score[1])


def main_process(machine: Machine) -> str:
    return machine.run("systemctl", "show", "--property=MainPID", "--value", UNIT).stdout.strip()


def test_a_rehearsal_shows_every_step_and_changes_nothing(machine: Machine) -> None:
    before = everything(machine)
    shown = machine.run("sh", INSTALL, *WHEELS, "--dry-run").stdout
    assert "$ useradd --system" in shown
    assert "psql=> CREATE ROLE teleclaude LOGIN" in shown
    assert "done " not in shown
    assert everything(machine) == before


def test_it_installs(machine: Machine) -> None:
    before = old_installation(machine)
    said = machine.run("sh", INSTALL, *WHEELS).stdout
    assert "enable --now teleclaude-system.service" in said
    assert "migrate-to-system" in said
    assert old_installation(machine) == before


def test_every_place_has_its_owner_and_its_mode(machine: Machine) -> None:
    wanted = {
        "/etc/teleclaude": "755 root:root",
        "/etc/teleclaude/pgpass": "600 root:root",
        "/var/lib/teleclaude": "1770 root:teleclaude",
        "/var/log/teleclaude": "750 teleclaude:teleclaude",
        "/usr/local/share/teleclaude/docs": "755 root:root",
        f"/etc/systemd/system/{UNIT}": "644 root:root",
    }
    assert modes(machine, *wanted) == wanted


def test_the_service_user_can_run_the_program_and_not_change_it(machine: Machine) -> None:
    assert "version" in machine.run("teleclaude", "--version", user="teleclaude").stdout
    writable = machine.run("find", "/opt/teleclaude", "-writable", "!", "-type", "l", user="teleclaude").stdout
    assert writable == ""


def test_nothing_is_installed_beside_what_the_lock_names(machine: Machine) -> None:
    (release,) = machine.run("sh", "-c", "echo /opt/teleclaude/*").stdout.split()
    found = machine.run("sh", "-c", f"cd {release}/lib/python3*/site-packages && ls -d *.dist-info *.pth", ok=False)
    lock = (CHECKOUT / LOCKS[0]).read_text()
    locked = {f"{name.replace('-', '_')}-{version}" for name, version in re.findall(r"^(\S+)==(\S+)", lock, re.M)}
    assert {name.removesuffix(".dist-info") for name in found.stdout.split()} == {*locked, f"teleclaude-{__version__}"}
    assert machine.run("find", release, "-name", "pip", "-o", "-name", "pip3", "-o", "-name", "setuptools").stdout == ""


def test_what_somebody_added_to_the_program_goes_with_the_next_run(machine: Machine) -> None:
    (release,) = machine.run("sh", "-c", "echo /opt/teleclaude/*").stdout.split()
    (site,) = machine.run("sh", "-c", f"echo {release}/lib/python3*/site-packages").stdout.split()
    machine.run("mkdir", f"{site}/extra-1.0.dist-info")
    (machine.root / site[1:] / "extra-1.0.dist-info/METADATA").write_text("Name: extra\nVersion: 1.0\n")
    checked = machine.run("teleclaude", "self-check", ok=False)
    assert "its lock does not name: extra 1.0" in checked.stdout
    assert f"the program in {release} differs from its lock: extra 1.0" in machine.run("sh", INSTALL, *WHEELS).stdout
    assert machine.run("find", site, "-name", "extra-1.0*").stdout == ""


def test_the_manual_page_is_where_man_looks(machine: Machine) -> None:
    assert machine.run("head", "-c", "4", MANUAL).stdout == ".TH "


def test_an_installation_beside_another_is_refused(machine: Machine) -> None:
    # The first process of the machine lives.
    machine.run("touch", "/run/teleclaude-install.1")
    refused = machine.run("sh", INSTALL, *WHEELS, ok=False)
    machine.run("rm", "/run/teleclaude-install.1")
    assert refused.returncode == 3
    assert "another install-system.sh runs, process 1" in refused.stderr


def test_until_there_is_a_configuration_the_old_daemon_starts_at_boot(machine: Machine) -> None:
    assert machine.run("systemctl", "is-enabled", UNIT, ok=False).stdout == "disabled\n"
    assert after_a_reboot(machine) == {OLD, OLD_PATH}


def test_systemd_has_nothing_to_say_of_the_unit(machine: Machine) -> None:
    verified = machine.run("systemd-analyze", "verify", UNIT)
    assert verified.stdout + verified.stderr == ""


def test_the_unit_is_hardened(machine: Machine) -> None:
    assert exposure(machine) <= 1.2


@pytest.mark.parametrize("shell", ["dash", "busybox sh"])
def test_a_second_run_finds_everything_there(machine: Machine, shell: str) -> None:
    before = everything(machine)
    said = machine.run(*shell.split(), INSTALL, *WHEELS).stdout
    assert "done " not in said
    assert everything(machine) == before


def test_the_old_installation_is_migrated_with_the_password_that_was_made(machine: Machine) -> None:
    migrate(machine)
    secrets = "/etc/teleclaude/secrets.yml"
    assert modes(machine, secrets) == {secrets: "640 root:teleclaude"}


def test_the_service_starts_and_says_when_it_is_ready(machine: Machine) -> None:
    machine.run("systemctl", "restart", UNIT)
    assert machine.run("systemctl", "is-active", UNIT).stdout == "active\n"
    # Nobody waited: who is told that it is ready can connect.
    assert open_sessions(machine, "ada")


def test_an_admin_sees_every_session(machine: Machine) -> None:
    listed = "closed_at IS NULL AND lifecycle_status IN ('active', 'headless')"
    assert open_sessions(machine, "ada") == set(machine.sql(f"SELECT session_id FROM sessions WHERE {listed}"))


def test_a_member_sees_what_is_shared_and_nothing_else(machine: Machine) -> None:
    shared = min(open_sessions(machine, "ada"))
    machine.sql(f"UPDATE sessions SET visibility = 'private', owner_person = 'Ada', owner_uid = {ADA}")
    machine.sql(f"UPDATE sessions SET visibility = 'shared' WHERE session_id = '{shared}'")
    assert open_sessions(machine, "bob") == {shared}


def test_a_stranger_sees_nothing_and_is_told_why_in_a_sentence(machine: Machine) -> None:
    asked = machine.run("teleclaude", "sessions", "--json", user="eve", ok=False)
    assert asked.returncode == 3
    assert asked.stdout == ""
    assert "Traceback" not in asked.stderr
    assert asked.stderr.startswith("teleclaude: ")


def test_the_daemon_has_its_limits(machine: Machine) -> None:
    limits = machine.run("cat", f"/proc/{main_process(machine)}/limits").stdout
    for limit in (r"Max core file size +0 +0 ", r"Max open files +4096 +4096 "):
        assert re.search(limit, limits), limits


def test_it_comes_back_after_a_kill(machine: Machine) -> None:
    before, seen = main_process(machine), open_sessions(machine, "ada")
    machine.run("systemctl", "kill", "--signal=KILL", UNIT)
    machine.wait("sh", "-c", f'test "$(systemctl show --property=MainPID --value {UNIT})" != {before}')
    machine.wait("sh", "-c", f'test "$(systemctl is-active {UNIT})" = active')
    assert main_process(machine) not in (before, "0")
    assert open_sessions(machine, "ada") == seen


def test_it_outlives_a_restart_of_the_database(machine: Machine) -> None:
    seen = open_sessions(machine, "ada")
    machine.run("systemctl", "restart", "postgresql")
    machine.wait("pg_isready", "--quiet")
    machine.wait("teleclaude", "sessions", user="ada")
    assert open_sessions(machine, "ada") == seen


def test_it_starts_with_the_machine(machine: Machine) -> None:
    seen = open_sessions(machine, "ada")
    assert after_a_reboot(machine) == {UNIT}
    assert open_sessions(machine, "ada") == seen


def test_the_self_check_finds_nothing_wrong(machine: Machine) -> None:
    checked = machine.run("teleclaude", "self-check", ok=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_service_that_runs_and_cannot_be_called_is_named_with_what_heals_it(machine: Machine) -> None:
    machine.run("rm", "/run/teleclaude/teleclaude.sock")
    checked = machine.run("teleclaude", "self-check", ok=False)
    assert checked.returncode == 3
    assert f"✗ socket: {UNIT} runs, and /run/teleclaude/teleclaude.sock is missing" in checked.stdout
    machine.run("systemctl", "restart", UNIT)
    assert machine.run("teleclaude", "self-check", ok=False).returncode == 0


def test_a_service_that_fails_at_every_start_is_not_said_to_be_starting(machine: Machine) -> None:
    config = machine.root / "etc/teleclaude/config.yml"
    before = config.read_text()
    config.write_text(before.replace("role: member", "role: emperor"))
    machine.run("systemctl", "restart", UNIT, ok=False)
    assert "people.1.role" in machine.run("teleclaude", "self-check", ok=False).stdout
    # During one of the attempts it is starting.
    machine.wait("sh", "-c", f"teleclaude self-check | grep -q '{UNIT} has failed: exit-code'")
    config.write_text(before)
    machine.run("systemctl", "restart", UNIT)


def test_where_both_are_enabled_the_new_daemon_alone_starts_and_the_self_check_fails(machine: Machine) -> None:
    machine.run("systemctl", "enable", OLD)
    assert after_a_reboot(machine) == {UNIT}
    checked = machine.run("teleclaude", "self-check", ok=False)
    assert checked.returncode == 3
    assert f"{OLD}, a unit of the old installation, is still enabled" in checked.stdout
    machine.run("systemctl", "disable", "--now", OLD)
    assert machine.run("teleclaude", "self-check", ok=False).returncode == 0


def test_after_a_rollback_and_a_reboot_the_old_daemon_alone_runs(machine: Machine) -> None:
    machine.run("sh", "-e", f"{folder_of_run(machine)}/rollback.txt")
    assert after_a_reboot(machine) == {OLD, OLD_PATH}
    assert machine.run("systemctl", "is-enabled", UNIT, ok=False).stdout == "disabled\n"


def test_after_a_second_migration_and_a_reboot_the_new_daemon_alone_runs(machine: Machine) -> None:
    migrate(machine)
    assert after_a_reboot(machine) == {UNIT}


def test_uninstalling_keeps_what_is_not_the_program(machine: Machine) -> None:
    kept = [
        machine.run("sh", "-c", "find /etc/teleclaude /var/lib/teleclaude -type f -exec sha256sum {} + | sort").stdout,
        machine.sql("SELECT count(*) FROM sessions"),
        old_installation(machine),
    ]
    said = machine.run("sh", INSTALL, "--uninstall").stdout
    assert "kept" in said
    for gone in (
        "/opt/teleclaude",
        "/usr/local/bin/teleclaude",
        MANUAL,
        f"/etc/systemd/system/{UNIT}",
        "/run/teleclaude",
    ):
        assert not os.path.lexists(f"{machine.root}{gone}"), gone
    assert machine.run("systemctl", "is-active", UNIT, ok=False).stdout == "inactive\n"
    machine.run("id", "teleclaude")
    assert kept == [
        machine.run("sh", "-c", "find /etc/teleclaude /var/lib/teleclaude -type f -exec sha256sum {} + | sort").stdout,
        machine.sql("SELECT count(*) FROM sessions"),
        old_installation(machine),
    ]


def test_installing_again_continues_with_what_was_kept(machine: Machine) -> None:
    machine.run("sh", INSTALL, *WHEELS)
    assert machine.run("systemctl", "is-enabled", UNIT).stdout == "enabled\n"
    machine.run("systemctl", "start", UNIT)
    assert open_sessions(machine, "ada")


def test_the_account_goes_when_nothing_of_it_is_left(machine: Machine) -> None:
    machine.run("systemctl", "stop", UNIT)
    machine.run("rm", "-r", "/etc/teleclaude", "/var/lib/teleclaude", "/var/log/teleclaude")
    machine.run("sh", INSTALL, "--uninstall")
    assert machine.run("id", "teleclaude", ok=False).returncode == 1


def test_a_fresh_installation_needs_no_password(machine: Machine) -> None:
    machine.run("dropdb", "--force", "teleclaude", user="postgres")
    machine.run("dropuser", "teleclaude", user="postgres")
    machine.run("sh", INSTALL, *WHEELS, "--fresh")
    machine.run("systemctl", "start", UNIT)
    assert machine.run("systemctl", "is-active", UNIT).stdout == "active\n"
    assert machine.sql("SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = 'teleclaude'") == ["t"]


def test_on_a_local_socket_the_service_works_without_a_network(machine: Machine) -> None:
    machine.run("sh", INSTALL, *WHEELS, "--no-network")
    machine.run("systemctl", "restart", UNIT)
    assert exposure(machine) <= 1.0
    config = machine.root / "etc/teleclaude/config.yml"
    people = "people:\n  - {name: Ada, email: ada@example.com, username: ada, role: admin}"
    config.write_text(config.read_text().replace("people: []", people))
    machine.run("systemctl", "restart", UNIT)
    assert open_sessions(machine, "ada") == set()
    networks = [machine.run("readlink", f"/proc/{number}/ns/net").stdout for number in (main_process(machine), "1")]
    assert networks[0] != networks[1]


def test_a_configuration_that_was_changed_stays_as_it_is(machine: Machine) -> None:
    config = machine.root / "etc/teleclaude/config.yml"
    config.write_text(config.read_text().replace("name: workshop", "name: elsewhere"))
    machine.run("sh", INSTALL, *WHEELS, "--fresh")
    assert "name: elsewhere" in config.read_text()
