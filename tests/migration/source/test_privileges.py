"""Whoever controls the old installation gets nothing read, published or changed that he could not himself.

Each scenario runs over a tree of our own, and as root over a tree of somebody else.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import URL

from teleclaude.daemon.service_user import Identity, require_program
from teleclaude.demo.installation import SampleInstallation, make_installation
from teleclaude.errors import ConfigError, Problem, PublishError, SourceError
from teleclaude.migration.discover import discover
from teleclaude.migration.discover import docs as docs_of
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.plan import MARK, Plan
from teleclaude.migration.publish.published import remove_files
from teleclaude.migration.report.events import CutoverItem, Event, Finding, Left, Severity, note
from teleclaude.migration.report.report import Report
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options
from teleclaude.migration.state.workspace import run_folder
from tests.support.sample import has_nothing, migrate_sample

pytestmark = pytest.mark.usefixtures("daemon_here")

USER = 12345
GROUP = 23456
PLANTED = "planted-for-root-alone"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")


def give_away(*folders: Path) -> None:
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER, USER, follow_symlinks=False)


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Make a file that only we can read."""
    path = tmp_path / "private" / "secret.yml"
    path.parent.mkdir()
    path.write_text(f"agents: {{default: {PLANTED}}}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def theirs(sample: SampleInstallation) -> SampleInstallation:
    """Make the sample another user's."""
    give_away(sample.checkout, sample.home)
    return sample


@pytest.fixture(params=["our own", pytest.param("another user's", marks=as_root)])
def anyones(sample: SampleInstallation, request: pytest.FixtureRequest) -> Iterator[SampleInstallation]:
    """Leave the sample ours, or make it another user's after the test has prepared it."""
    if request.param != "our own":
        give_away(sample.checkout, sample.home)
    yield sample


def errors(report: Report) -> list[str]:
    return [finding.problem.message for finding in report.all(Finding) if finding.severity is Severity.ERROR]


def says(report: Report) -> str:
    return json.dumps(report.to_json())


def holds_planted(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and PLANTED.encode() in path.read_bytes()]


def states(*folders: Path) -> dict[str, tuple[int, int, int, int, int]]:
    """Return mode, owner, group, size and time of change of everything below folders."""
    found = {}
    for folder in folders:
        for path in (folder, *folder.rglob("*")):
            state = path.lstat()
            size = 0 if stat.S_ISDIR(state.st_mode) else state.st_size
            found[str(path)] = (state.st_mode, state.st_uid, state.st_gid, size, state.st_mtime_ns)
    return found


def replace_by_link(path: Path, target: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    if os.geteuid() == 0:
        os.chown(path, USER, USER, follow_symlinks=False)


@as_root
async def test_an_installation_of_another_user_migrates_and_stays_as_it_is(
    options: Options, theirs: SampleInstallation
) -> None:
    before = states(theirs.checkout, theirs.home)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert len(report.to_json()["docs"]) == 4
    assert states(theirs.checkout, theirs.home) == before
    assert options.root is not None
    assert {path.lstat().st_uid for path in options.root.rglob("*")} == {0}


@as_root
async def test_sudo_from_a_shell_of_root_says_nothing_of_the_owner(
    options: Options, theirs: SampleInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert theirs.database.stat().st_uid == USER
    monkeypatch.setenv("SUDO_UID", "0")
    report = await migrate_sample(dataclasses.replace(options, uid=None, dry_run=True))
    assert report.ok, report.failure
    assert report.header["owner"]["uid"] == USER


@as_root
@pytest.mark.parametrize(
    "name",
    [
        "checkout/config.yml",
        "checkout/.env",
        "checkout/experiments.yml",
        "checkout/teleclaude.db",
        "checkout/teleclaude.db-wal",
        "checkout/teleclaude.pid",
        "home/.teleclaude/teleclaude.yml",
        "home/.teleclaude/events.db",
        "home/.teleclaude/projects.yaml",
        "home/.teleclaude/people/Ada/teleclaude.yml",
    ],
)
async def test_a_link_to_a_file_of_root_is_not_followed(
    options: Options, theirs: SampleInstallation, private: Path, target: URL, name: str
) -> None:
    replace_by_link(theirs.checkout.parent / name, private)
    before = states(private.parent)
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert any(f"{name} cannot be read with the rights of uid {USER}" in message for message in errors(report))
    assert PLANTED not in says(report)
    assert states(private.parent) == before
    assert await has_nothing(target)
    assert options.root is not None
    assert not options.root.exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that the user can reach, too."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def answer_with_program(server: socket.socket, program: Path) -> None:
    """Tell the client that its shell is `program` (tmux-protocol.h: MSG_SHELL, of version 8), which it then runs."""
    client, _ = server.accept()
    with client:
        client.recv(1 << 16)
        name = os.fsencode(program) + b"\0"
        client.sendall(struct.pack("=IHHII", 209, 16 + len(name), 0, 8, 0) + name)
        client.recv(1 << 16)


@as_root
@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
async def test_a_tmux_server_of_the_user_makes_root_run_nothing(
    options: Options, theirs: SampleInstallation, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert theirs.home.stat().st_uid == USER
    monkeypatch.setenv("TMUX_TMPDIR", str(open_folder))
    monkeypatch.setenv("PGPASSWORD", PLANTED)
    program, told, place = open_folder / "program", open_folder / "told", open_folder / f"tmux-{USER}"
    program.write_text(f"#!/bin/sh\n{{ id -u; env; }} >{told}\n")
    program.chmod(0o755)
    place.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place / "default"))
        server.listen()
        give_away(open_folder)
        answering = threading.Thread(target=answer_with_program, args=(server, program), daemon=True)
        answering.start()
        assert (await migrate_sample(options)).ok
        answering.join(10)
    assert told.read_text().startswith(f"{USER}\n")
    assert PLANTED not in told.read_text()


@as_root
async def test_what_leads_to_the_installation_is_read_with_the_rights_of_its_user(
    options: Options, theirs: SampleInstallation, private: Path
) -> None:
    private.write_text(f"ExecStart={theirs.checkout}/{PLANTED}\n")
    for name in (".bashrc", ".claude/settings.json", ".config/systemd/user/teleclaude.service", ".zfunc/_other"):
        (theirs.home / name).parent.mkdir(parents=True, exist_ok=True)
        (theirs.home / name).symlink_to(private)
    before = states(private.parent)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert PLANTED not in says(report)
    assert [lead for lead in report.all(CutoverItem) if lead.needed] == []
    assert states(private.parent) == before


@pytest.mark.parametrize("name", [".bashrc", ".claude.json", ".codex/config.toml"])
async def test_what_is_no_regular_file_among_the_settings_is_never_opened(
    options: Options, anyones: SampleInstallation, tmp_path: Path, name: str
) -> None:
    path = anyones.home / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    inventory = await discover(options, "run", tmp_path, {})
    found = [finding.problem.message for finding in inventory.problems if finding.subject == "cutover"]
    assert found == [f"{path} is not a regular file"]


@as_root
@pytest.mark.parametrize("name", ["config.yml", ".env", "teleclaude.db"])
async def test_a_hard_link_to_a_file_of_root_is_not_read(
    options: Options, theirs: SampleInstallation, private: Path, name: str
) -> None:
    # A kernel without fs.protected_hardlinks lets the user make it.
    path = theirs.checkout / name
    path.unlink()
    path.hardlink_to(private)
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert any(f"{name} cannot be read" in message for message in errors(report))
    assert PLANTED not in says(report)
    assert (private.stat().st_uid, stat.S_IMODE(private.stat().st_mode)) == (0, 0o600)


@as_root
@pytest.mark.parametrize("setting", ["database.path", "TELECLAUDE_DB_PATH"])
async def test_a_database_of_root_that_the_configuration_names_is_not_read(
    options: Options, theirs: SampleInstallation, tmp_path: Path, setting: str
) -> None:
    roots = make_installation(tmp_path / "private", sessions=3).database
    roots.chmod(0o600)
    if setting == "database.path":
        with (theirs.checkout / "config.yml").open("a") as file:
            file.write(f"database: {{path: {roots}}}\n")
    else:
        with (theirs.checkout / ".env").open("a") as file:
            file.write(f"{setting}={roots}\n")
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert any(f"{roots} cannot be read with the rights of uid {USER}" in message for message in errors(report))


@as_root
async def test_a_folder_that_leads_to_one_of_root_is_read_with_the_rights_of_its_user(
    options: Options, theirs: SampleInstallation, tmp_path: Path
) -> None:
    roots = make_installation(tmp_path / "private", sessions=3)
    roots.checkout.chmod(0o700)
    theirs.checkout.rename(theirs.checkout.with_name("before"))
    replace_by_link(theirs.checkout, roots.checkout)
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert errors(report) == [f"{theirs.checkout} cannot be read: Permission denied"]


@as_root
async def test_two_users_make_one_installation_that_is_refused(options: Options, theirs: SampleInstallation) -> None:
    os.chown(theirs.checkout, USER + 1, USER + 1)
    with pytest.raises(SourceError, match="belongs to several users"):
        await migrate_sample(options)


def replace_by(kind: str, path: Path) -> None:
    """Let something stand in the place of a file that is none."""
    path.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "socket":
            with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(path.parent):
                listening.bind(path.name)
        case "device":
            path.symlink_to("/dev/tty")
        case "endless":
            path.symlink_to("/dev/zero")
        case _:
            path.mkdir()


NAMES = ("config.yml", ".env", "teleclaude.db", "teleclaude.pid")


@pytest.mark.parametrize(
    ("kind", "names"),
    [*(("pipe", (name,)) for name in NAMES), *((kind, NAMES) for kind in ("socket", "device", "endless", "folder"))],
)
async def test_what_is_no_regular_file_is_never_opened(
    options: Options, anyones: SampleInstallation, kind: str, names: tuple[str, ...]
) -> None:
    for name in names:
        replace_by(kind, anyones.checkout / name)
    begun = time.monotonic()
    report = await migrate_sample(options)
    assert report.exit_code == 3
    for name in names:
        assert any(f"{name} is not a regular file" in message for message in errors(report)), errors(report)
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("name", ["checkout/config.yml", "checkout/.env", "home/.teleclaude/state/huge.json"])
async def test_a_huge_file_is_refused_by_its_name(options: Options, anyones: SampleInstallation, name: str) -> None:
    with (anyones.checkout.parent / name).open("ab") as file:
        file.truncate(1 << 40)
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert any(f"{name} is larger than" in message for message in errors(report)), errors(report)


async def test_people_that_lead_in_a_circle_are_refused(options: Options, anyones: SampleInstallation) -> None:
    people = anyones.home / ".teleclaude/people"
    people.rename(people.with_name("before"))
    people.symlink_to(people)
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert any(f"{people} cannot be read" in message for message in errors(report)), errors(report)


@as_root
async def test_people_that_only_root_can_list_are_refused(
    options: Options, theirs: SampleInstallation, private: Path
) -> None:
    people = theirs.home / ".teleclaude/people"
    people.rename(people.with_name("before"))
    private.parent.chmod(0o700)
    replace_by_link(people, private.parent)
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert any(f"{people} cannot be read" in message for message in errors(report)), errors(report)


def make_hostile_docs(sample: SampleInstallation, private: Path) -> dict[str, str]:
    """Put into the docs whatever must not be published, and return the reasons by name."""
    docs = sample.home / ".teleclaude/docs"
    (docs / "private.md").symlink_to(private)
    (docs / "etc").symlink_to("/etc")
    (docs / "upward").symlink_to("../../..")
    (docs / "itself").symlink_to("itself")
    (docs / "circle").mkdir()
    (docs / "circle/back").symlink_to("..")
    (docs / "nothing.md").symlink_to("gone.md")
    os.mkfifo(docs / "pipe.md")
    (docs / "zero.md").symlink_to("/dev/zero")
    with (docs / "huge.md").open("wb") as file:
        file.truncate(1 << 40)
    (docs / "two\nlines.md").write_text("x")
    Path(os.fsdecode(os.fsencode(docs) + b"/latin-\xe9.md")).write_text("x")
    return {
        "private.md": docs_of.OUTSIDE,
        "etc": docs_of.OUTSIDE,
        "upward": docs_of.OUTSIDE,
        "itself": docs_of.CIRCLE,
        "circle/back": docs_of.CIRCLE,
        "nothing.md": docs_of.NOTHING,
        "pipe.md": docs_of.SPECIAL,
        "zero.md": docs_of.OUTSIDE,
        "huge.md": docs_of.LARGE,
        "two\\x0alines.md": docs_of.ODD_NAME,
        "latin-\\xe9.md": docs_of.ODD_NAME,
    }


async def test_hostile_docs_are_left_out_with_the_reason(
    options: Options, anyones: SampleInstallation, private: Path
) -> None:
    reasons = make_hostile_docs(anyones, private)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    prefix = "~/.teleclaude/docs/"
    left = {left.subject.removeprefix(prefix): left.reason for left in report.all(Left) if prefix in left.subject}
    assert left == reasons
    assert options.root is not None
    docs = options.root / "usr/local/share/teleclaude/docs"
    assert sorted(str(path.relative_to(docs)) for path in docs.rglob("*") if path.is_file()) == [
        "baseline.md",
        "general/concept/workbench.md",
        "general/policy/commits.md",
        "index.yaml",
    ]
    assert holds_planted(options.root) == []


@as_root
async def test_a_hard_link_to_a_snippet_of_somebody_else_is_left_out(
    options: Options, theirs: SampleInstallation, private: Path
) -> None:
    private.chmod(0o644)
    (theirs.home / ".teleclaude/docs/linked.md").hardlink_to(private)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert Left("~/.teleclaude/docs/linked.md", docs_of.FOREIGN) in report.all(Left)
    assert options.root is not None
    assert holds_planted(options.root) == []


async def test_docs_that_are_a_link_to_another_place_are_not_published(
    options: Options, anyones: SampleInstallation, private: Path
) -> None:
    docs = anyones.home / ".teleclaude/docs"
    docs.rename(docs.with_name("before"))
    private.parent.chmod(0o755)
    docs.symlink_to(private.parent)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert Left("~/.teleclaude/docs/.", docs_of.OUTSIDE) in report.all(Left)
    assert options.root is not None
    assert holds_planted(options.root) == []


async def test_a_snippet_that_changes_before_it_is_published_takes_everything_back(
    options: Options, anyones: SampleInstallation, private: Path, target: URL
) -> None:
    snippet = anyones.checkout / "docs/global/baseline.md"

    async def swap(_plan: Plan) -> AsyncGenerator[Event, None]:
        snippet.unlink()
        snippet.symlink_to(private)
        yield note("test", Problem("swapped"))

    report = await migrate_sample(options, (*STEPS[:2], Step("swap", swap), *STEPS[2:]))
    assert report.exit_code == 4
    assert report.failure is not None
    assert str(snippet) in report.failure.problem.message
    assert await has_nothing(target)
    assert options.root is not None
    assert holds_planted(options.root) == []


SWAPPER = """
import os, sys
os.setgid(12345); os.setuid(12345)
folder, elsewhere = sys.argv[1:]
print("up", flush=True)
while True:
    os.rename(folder, folder + ".real"); os.symlink(elsewhere, folder)
    os.unlink(folder); os.rename(folder + ".real", folder)
"""


@as_root
@pytest.mark.parametrize("name", ["checkout/docs/global", "home/.teleclaude/people/Ada"])
async def test_a_folder_that_is_swapped_all_the_time_gives_nothing_of_root_away(
    options: Options, theirs: SampleInstallation, private: Path, name: str
) -> None:
    (private.parent / "teleclaude.yml").write_text(f"{PLANTED}: 1\n")
    (private.parent / "baseline.md").write_text(PLANTED)
    for path in private.parent.iterdir():
        path.chmod(0o600)
    folder = theirs.checkout.parent / name
    command = [sys.executable, "-c", SWAPPER, str(folder), str(private.parent)]
    # It stands in the folder that the user reaches only by root's leave.
    for parent in folder.parents:
        if parent.stat().st_uid == 0 and str(parent).startswith("/tmp/"):
            parent.chmod(0o711)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as swapper:
        assert swapper.stdout is not None
        await asyncio.to_thread(swapper.stdout.readline)
        report = await migrate_sample(options)
        swapper.kill()
    assert report.exit_code in (0, 3, 4)
    assert PLANTED not in says(report)
    assert options.root is not None
    assert holds_planted(options.root) == []


@as_root
@pytest.mark.parametrize("place", ["etc", "usr/local/share/teleclaude"])
async def test_root_is_not_led_out_of_its_place_by_a_link_of_somebody_else(
    options: Options, tmp_path: Path, place: str
) -> None:
    assert options.root is not None
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (options.root / place).parent.mkdir(parents=True)
    (options.root / place).symlink_to(elsewhere)
    os.chown(options.root / place, USER, USER, follow_symlinks=False)
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert any(f"that uid {USER} made" in message for message in errors(report))
    assert list(elsewhere.iterdir()) == []


async def test_what_somebody_put_among_the_published_snippets_is_not_removed(options: Options, target: URL) -> None:
    assert options.root is not None
    other = options.root / "usr/local/share/teleclaude/docs/general/theirs.md"

    async def add(_plan: Plan) -> AsyncGenerator[Event, None]:
        other.write_text("theirs")
        yield note("test", Problem("added"))
        raise SourceError(Problem("planted", "nothing to do"))

    report = await migrate_sample(options, (*STEPS[:3], Step("add", add)))
    assert report.exit_code == 4
    docs = options.root / "usr/local/share/teleclaude/docs"
    assert [path for path in docs.rglob("*") if path.is_file()] == [other]
    assert await has_nothing(target)


@as_root
def test_a_program_that_the_service_user_cannot_run_is_found_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    tmp_path.chmod(0o700)
    with pytest.raises(ConfigError, match=f"the service user cannot run {program}"):
        require_program(Identity(USER, USER, ()), os.environ)
    require_program(Identity(0, 0, ()), os.environ)


@as_root
def test_the_folder_of_a_run_is_not_used_where_another_user_can_change_it(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    give_away(reports)
    sentence = f"a user without privileges can change {reports},"
    with pytest.raises(PublishError, match=sentence), run_folder(reports / "run", (), guarded=True):
        pass


@as_root
def test_the_folder_of_a_run_is_not_made_behind_a_link_of_another_user(tmp_path: Path, private: Path) -> None:
    reports = tmp_path / "reports"
    replace_by_link(reports, private.parent)
    with pytest.raises(PublishError, match="is a symbolic link"), run_folder(reports / "run", (), guarded=True):
        pass
    assert [path.name for path in private.parent.iterdir()] == [private.name]


@as_root
async def test_what_the_user_could_not_remove_himself_stays_in_his_home(
    options: Options, theirs: SampleInstallation, open_folder: Path
) -> None:
    assert theirs.home.stat().st_uid == USER
    file = open_folder / "config.yml"

    async def remove(plan: Plan) -> AsyncGenerator[Event, None]:
        file.write_text(f"{MARK.format(run=plan.run)}\n")
        give_away(open_folder)
        open_folder.chmod(0o555)
        layout = dataclasses.replace(plan.inventory.layout, root=None)
        real = dataclasses.replace(plan.inventory, is_root=True, layout=layout, user_config=file)
        with pytest.raises(PermissionError):
            remove_files(real, plan.run, (file,))
        assert file.exists()
        open_folder.chmod(0o755)
        remove_files(real, plan.run, (file,))
        assert not file.exists()
        yield note("test", Problem("removed"))

    report = await migrate_sample(options, (Step("remove", remove),))
    assert report.ok, report.failure


@as_root
async def test_what_only_a_group_of_roots_may_read_is_not_read(
    options: Options, theirs: SampleInstallation, groups_of_root: int
) -> None:
    path = theirs.checkout / "config.yml"
    os.chown(path, 0, groups_of_root)
    path.chmod(0o040)
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert any(f"{path} cannot be read" in message for message in errors(report)), errors(report)


@pytest.fixture
def groups_of_root() -> Iterator[int]:
    """Let this process of root be in one more group, and return it."""
    before = os.getgroups()
    os.setgroups([*before, GROUP])
    yield GROUP
    os.setgroups(before)


@as_root
def test_a_signal_ends_the_command_while_the_owner_has_stopped_the_unprivileged_process(
    theirs: SampleInstallation, tmp_path: Path
) -> None:
    places = ("--source", theirs.checkout, "--home", theirs.home, "--root", tmp_path / "root")
    command = [sys.executable, "-m", "teleclaude", "migrate-to-system", "--dry-run", *map(str, places)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        reader = wait_for_reader(process)
        reader.suspend()
        # Until the answer is missed.
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert time.monotonic() - begun < 2
    assert (process.returncode, said.splitlines()[-1]) == (130, b"teleclaude: interrupted; nothing was written")
    assert not reader.is_running()


def wait_for_reader(process: subprocess.Popen[bytes]) -> psutil.Process:
    """Return the process with the rights of the user, as soon as it is there."""
    while process.poll() is None:
        for child in psutil.Process(process.pid).children():
            if child.uids().real == USER:
                return child
        time.sleep(0.01)
    raise AssertionError(process.stderr and process.stderr.read())
