"""What stands in the way is said at once, in a sentence with a remedy, and nothing is written."""

import asyncio
import dataclasses
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import yaml
from sqlalchemy import URL, make_url

from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.file_lock import hold_pid_file
from teleclaude.db.lock import hold_database
from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Exit, Problem
from teleclaude.migration.discover import processes
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import Event, Finding, Severity, note
from teleclaude.migration.report.report import Report
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options
from tests.support.sample import editing, files_below, has_nothing, migrate_sample, query

pytestmark = pytest.mark.usefixtures("daemon_here")

NO_ACCOUNT = 2_000_000_001
"""A user id without an account, whose name could be that of one of the people."""


def errors(report: Report) -> list[Finding]:
    return [finding for finding in report.all(Finding) if finding.severity is Severity.ERROR]


@pytest.fixture
def refuse(sample: SampleInstallation, target: URL, tmp_path: Path) -> Callable[[Options, str], Awaitable[None]]:
    """Run a migration that must be refused for one reason alone, and see that nothing was written."""

    async def run(options: Options, reason: str) -> None:
        before = files_below(sample.checkout), files_below(sample.home)
        report = await migrate_sample(options)
        assert report.exit_code == 3
        found = errors(report)
        assert len(found) == 1, found
        assert reason in found[0].problem.message
        assert found[0].problem.hint
        assert (files_below(sample.checkout), files_below(sample.home)) == before
        assert await has_nothing(target)
        assert not (tmp_path / "root").exists()

    return run


Refuse = Callable[[Options, str], Awaitable[None]]


def with_target(options: Options, **parts: object) -> Options:
    assert options.target is not None
    url = make_url(options.target).set(**parts)  # type: ignore[arg-type]
    return dataclasses.replace(options, target=url.render_as_string(hide_password=False))


async def test_a_wrong_password(options: Options, refuse: Refuse) -> None:
    await refuse(with_target(options, password="wrong"), "the password in the database URL is wrong")


async def test_a_database_that_is_not_there(options: Options, refuse: Refuse) -> None:
    await refuse(with_target(options, database="nowhere"), 'database "nowhere" does not exist')


async def test_a_server_that_is_not_there(options: Options, refuse: Refuse) -> None:
    await refuse(dataclasses.replace(options, target="postgresql://ada:pw@127.0.0.1:1/d"), "127.0.0.1")


async def test_no_target(options: Options, refuse: Refuse) -> None:
    await refuse(dataclasses.replace(options, target=None), "no target is named")


async def test_a_missing_database_file(options: Options, refuse: Refuse, sample: SampleInstallation) -> None:
    sample.database.unlink()
    await refuse(options, "there is no database at")


async def test_a_file_that_is_no_database(options: Options, refuse: Refuse, sample: SampleInstallation) -> None:
    sample.database.write_bytes(b"not a database" * 1000)
    await refuse(options, "not an SQLite database")


@pytest.mark.parametrize("index", ["whole", "damaged"])
async def test_a_damaged_database(options: Options, refuse: Refuse, sample: SampleInstallation, index: str) -> None:
    if index == "damaged":
        with editing(sample) as database:
            database.execute("DELETE FROM memory_observations_fts_data")
    with editing(sample) as database:
        ((root,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'")
    content = bytearray(sample.database.read_bytes())
    content[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    sample.database.write_bytes(content)
    await refuse(options, str(sample.database))


async def test_a_database_of_another_program(options: Options, refuse: Refuse, sample: SampleInstallation) -> None:
    sample.database.unlink()
    with editing(sample) as database:
        database.execute("CREATE TABLE books (title TEXT)")
    await refuse(options, "is not TeleClaude's")


@pytest.mark.parametrize(("flag", "named"), [("home", "the home of the user"), ("source", "the checkout")])
@pytest.mark.parametrize("exists", [False, True])
async def test_a_wrong_folder_is_to_be_named_anew_and_nothing_else_is_said(
    options: Options, tmp_path: Path, flag: str, named: str, exists: bool
) -> None:
    folder = tmp_path / "wrong"
    if exists:
        (folder / "Documents").mkdir(parents=True)
    source, home = (folder, options.home) if flag == "source" else (options.source, folder)
    asked = dataclasses.replace(options, uid=None, person=None, source=source, home=home)
    [found] = errors(await migrate_sample(asked))
    assert str(folder) in found.problem.message
    assert found.problem.hint.startswith(f"use --{flag} DIR with {named}")


async def test_a_missing_configuration(options: Options, refuse: Refuse, sample: SampleInstallation) -> None:
    (sample.checkout / "config.yml").unlink()
    await refuse(options, "config.yml is missing")


async def test_a_broken_configuration(options: Options, refuse: Refuse, sample: SampleInstallation) -> None:
    (sample.home / ".teleclaude/people/Bob/teleclaude.yml").write_text("creds: [\n")
    await refuse(options, "line 2")


async def test_a_configuration_that_no_daemon_could_use(
    options: Options, refuse: Refuse, sample: SampleInstallation
) -> None:
    (sample.checkout / "config.yml").write_text("computer: {name: workshop}\n")
    await refuse(options, "agents is missing")


async def test_an_unknown_person(options: Options, refuse: Refuse) -> None:
    await refuse(dataclasses.replace(options, person="Zoe"), "does not know Zoe")


async def test_several_people_and_none_named(options: Options, sample: SampleInstallation, refuse: Refuse) -> None:
    # Whoever runs the tests owns the files, and may be called ada.
    people = [{"name": name, "email": f"{name}@example.com"} for name in ("Ada", "Bob")]
    (sample.home / ".teleclaude/teleclaude.yml").write_text(yaml.safe_dump({"people": people}))
    await refuse(dataclasses.replace(options, person=None, uid=NO_ACCOUNT), "not clear whom the sessions belong to")


async def test_an_unknown_time_zone(options: Options, refuse: Refuse) -> None:
    await refuse(dataclasses.replace(options, timezone="Mars/Olympus"), "no time zone 'Mars/Olympus'")


async def test_two_databases_with_sessions(options: Options, refuse: Refuse, sample: SampleInstallation) -> None:
    other = sample.checkout / "moved.db"
    shutil.copy(sample.database, other)
    with (sample.checkout / ".env").open("a") as file:
        file.write(f"TELECLAUDE_DB_PATH={other}\n")
    await refuse(options, "two databases hold data")


async def test_a_daemon_that_holds_its_lock(options: Options, refuse: Refuse, sample: SampleInstallation) -> None:
    with hold_pid_file(sample.checkout / "teleclaude.pid"):
        await refuse(options, "the daemon is running")


async def test_what_a_user_writes_into_a_lock_is_part_of_no_command(
    options: Options, sample: SampleInstallation
) -> None:
    lock = sample.checkout / "teleclaude.pid"
    with hold_pid_file(lock):
        lock.write_text("1; touch planted\n")
        report = await migrate_sample(options)
    [finding] = errors(report)
    assert finding.problem.message == f"the daemon is running: process {os.getpid()} holds {lock}"
    assert finding.problem.hint.endswith(f"if it was started by hand: kill {os.getpid()}")


async def other_process(sample: SampleInstallation, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=sample.checkout, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert process.stdout is not None
    await asyncio.to_thread(process.stdout.readline)
    return process


async def test_a_daemon_without_its_lock(options: Options, refuse: Refuse, sample: SampleInstallation) -> None:
    program = "import sys; print('up', flush=True); sys.stdin.read()"
    with await other_process(sample, "-c", program, "-m", "teleclaude.daemon") as process:
        await refuse(options, f"the daemon is running as process {process.pid}")
        process.kill()


async def test_a_process_that_holds_the_database_open(
    options: Options, refuse: Refuse, sample: SampleInstallation
) -> None:
    program = textwrap.dedent("""
        import sys
        file = open("teleclaude.db", "rb")
        print("up", flush=True)
        sys.stdin.read()
    """)
    with await other_process(sample, "-c", program) as process:
        await refuse(options, f"process {process.pid}")
        process.kill()


async def test_a_daemon_that_answers_on_its_socket(
    options: Options, refuse: Refuse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real place is one for the whole machine, so other tests would meet this daemon too.
    place = tmp_path / "api.sock"
    monkeypatch.setattr(processes, "SOCKETS", (place,))
    server = await asyncio.start_unix_server(lambda _reader, writer: writer.close(), str(place))
    async with server:
        await refuse(options, f"answers on {place}")


async def test_a_socket_that_nobody_answers_on_is_no_daemon(
    options: Options, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "api.sock"
    monkeypatch.setattr(processes, "SOCKETS", (place,))
    (await asyncio.start_unix_server(lambda _reader, writer: writer.close(), str(place))).close()
    assert (await migrate_sample(options)).ok


async def test_a_disk_that_is_too_small_for_the_copy(
    options: Options, refuse: Refuse, sample: SampleInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sample.home / ".teleclaude/events.db").unlink()
    monkeypatch.setattr(psutil, "disk_usage", lambda _path: SimpleNamespace(free=1000))
    await refuse(options, "MB free")


async def test_a_file_that_stands_where_ours_would(options: Options, sample: SampleInstallation) -> None:
    assert options.root is not None
    standing = options.root / "etc/teleclaude/config.yml"
    standing.parent.mkdir(parents=True)
    standing.write_text("theirs")
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert str(standing) in errors(report)[0].problem.message
    assert files_below(options.root) == {
        "etc/teleclaude/config.yml": files_below(options.root)["etc/teleclaude/config.yml"]
    }
    assert standing.read_text() == "theirs"


async def test_a_target_that_a_daemon_works_on(options: Options, target: URL) -> None:
    async with disposing(make_engine(target)) as engine, hold_database(engine):
        report = await migrate_sample(options)
    assert report.exit_code == 3
    assert "works on the database" in errors(report)[0].problem.message


async def test_a_target_with_tables_of_our_names(options: Options, target: URL) -> None:
    await query(target, "CREATE TABLE sessions (x int)")
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert "not TeleClaude's" in errors(report)[0].problem.message
    assert await query(target, "SELECT count(*) FROM sessions") == [(0,)]


async def test_a_role_that_may_not_create(options: Options, target: URL) -> None:
    role = f"role_{target.database}"
    await query(target, f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
    try:
        report = await migrate_sample(with_target(options, username=role, password="pw"))
    finally:
        await query(target, f"DROP ROLE {role}")
    assert report.exit_code == 3
    assert "may not create" in errors(report)[0].problem.message


async def test_everything_is_said_at_once(options: Options, sample: SampleInstallation) -> None:
    sample.database.unlink()
    wrong = dataclasses.replace(options, person="Zoe", timezone="Mars/Olympus")
    report = await migrate_sample(with_target(wrong, password="wrong"))
    assert report.exit_code == 3
    assert {finding.subject for finding in errors(report)} == {"source", "target", "owner"}
    assert len(errors(report)) == 4


async def test_a_source_that_is_written_to_meanwhile_rolls_back(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    async def write(_plan: Plan) -> AsyncGenerator[Event, None]:
        with editing(sample) as database:
            database.execute("INSERT INTO system_settings (key, value) VALUES ('late', 'x')")
        yield note("test", Problem("a hook wrote"))

    report = await migrate_sample(options, (Step("write", write), *STEPS))
    assert report.exit_code == 4
    assert report.failure is not None
    assert "changed during the migration" in report.failure.problem.message
    assert await has_nothing(target)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
async def test_something_that_is_no_file_in_the_place_of_the_database_of_events_is_named(
    options: Options, sample: SampleInstallation, kind: str
) -> None:
    path = sample.home / ".teleclaude/events.db"
    path.unlink()
    make: dict[str, Callable[[Path], None]] = {"folder": Path.mkdir, "pipe": os.mkfifo}
    make[kind](path)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert any(f"{path} is not a file" in finding.problem.message for finding in report.all(Finding))


@pytest.mark.parametrize("suffix", ["", "-wal"])
async def test_a_database_of_events_that_cannot_be_read_refuses_the_run(
    options: Options, sample: SampleInstallation, suffix: str
) -> None:
    path = sample.home / f".teleclaude/events.db{suffix}"
    path.unlink(missing_ok=True)
    if suffix:
        os.mkfifo(path)
    else:
        path.write_bytes(b"no database at all" * 300)
    report = await migrate_sample(options)
    assert report.exit_code == 3
    assert any(str(path) in finding.problem.message for finding in report.all(Finding))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "${HOME} and a/b: Ädä 👩‍💻 Аdа'; DROP TABLE x" + "x" * 10_000, " "]
)
async def test_a_person_may_have_any_name_without_control_characters(
    options: Options, sample: SampleInstallation, target: URL, name: str
) -> None:
    everyone = sample.home / ".teleclaude" / "teleclaude.yml"
    everyone.write_text(yaml.safe_dump({"people": [{"name": name, "email": "a@example.com"}]}))
    report = await migrate_sample(dataclasses.replace(options, person=name))
    assert report.ok, report.failure
    assert await query(target, "SELECT DISTINCT owner_person FROM sessions") == [(name,)]


@pytest.mark.parametrize("name", ["two\nlines", "\x1b[2J", "nul\0", "half \ud800"])
async def test_a_name_with_a_control_character_is_refused_by_its_place(
    options: Options, sample: SampleInstallation, name: str
) -> None:
    everyone = sample.home / ".teleclaude" / "teleclaude.yml"
    people = [{"name": "Ada", "email": "a@example.com"}, {"name": name, "email": "b@example.com"}]
    everyone.write_text(yaml.safe_dump({"people": people}))
    report = await migrate_sample(options)
    assert report.exit_code == Exit.REFUSED
    assert f"entry 2 of people in {everyone} has a name with a control character" in [
        e.problem.message for e in errors(report)
    ]


async def test_a_second_run_says_that_it_is_done_and_how_to_go_back(options: Options) -> None:
    assert (await migrate_sample(options)).ok
    found = errors(await migrate_sample(options))
    assert len(found) == 1, found
    assert "is complete" in found[0].problem.message
    assert "rollback.txt" in found[0].problem.hint


async def test_a_database_that_could_not_be_read_is_not_said_to_belong_to_root(
    options: Options, sample: SampleInstallation
) -> None:
    sample.database.unlink()
    [found] = errors(await migrate_sample(dataclasses.replace(options, uid=None)))
    assert found.problem.message == f"there is no database at {sample.database}"
