"""Nobody else at the table: whoever works on the old installation, would start to, or begins meanwhile, is named."""

import dataclasses
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import URL

from teleclaude.db.file_lock import hold_existing, hold_pid_file
from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Problem
from teleclaude.migration.discover.processes import find_processes
from teleclaude.migration.discover.services import answer_of
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import Event, Finding, Severity, note
from teleclaude.migration.report.report import Report
from teleclaude.migration.run import Step
from teleclaude.migration.source.installation import Places
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import Privsep
from teleclaude.platform import services
from tests.crash.machine import Job
from tests.support.command import teleclaude, to_arguments
from tests.support.sample import has_nothing, migrate_sample, query
from tests.support.shell import SYSTEMCTL

pytestmark = pytest.mark.usefixtures("daemon_here")

WAITS = "import sys; print('up', flush=True); sys.stdin.read()"
WRITES = """
import sqlite3, sys
database = sqlite3.connect("teleclaude.db")
database.execute("INSERT INTO system_settings (key, value) VALUES ('late', 'x')")
database.commit()
print("up", flush=True)
sys.stdin.read()
"""
TERMINATE = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"


@contextmanager
def process(folder: Path, program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a real process until the context ends."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield running
        running.kill()


def said(report: Report, severity: Severity) -> list[str]:
    found = [finding for finding in report.all(Finding) if finding.severity is severity]
    assert all(finding.problem.hint for finding in found)
    return [f"{finding.problem.message} → {finding.problem.hint}" for finding in found]


async def refusals(options: Options) -> list[str]:
    report = await migrate_sample(options)
    assert report.exit_code == 3
    return said(report, Severity.ERROR)


@pytest.mark.parametrize(
    ("module", "who"),
    [
        ("teleclaude.cli.telec", "terminal interface"),
        ("teleclaude.hooks.receiver", "helper teleclaude.hooks.receiver"),
        ("teleclaude.cron.runner", "helper teleclaude.cron.runner"),
    ],
)
async def test_every_program_of_the_old_installation_is_named(
    options: Options, sample: SampleInstallation, module: str, who: str
) -> None:
    with process(sample.checkout, WAITS, "-m", module) as running:
        assert await refusals(options) == [
            f"the {who} is running as process {running.pid} → end it: kill {running.pid}"
        ]


async def test_a_program_of_another_checkout_is_no_hindrance(options: Options, tmp_path: Path) -> None:
    with process(tmp_path, WAITS, "-m", "teleclaude.daemon"):
        assert (await migrate_sample(options)).ok


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows processes in /proc")
def test_where_no_process_can_be_seen_nothing_is_taken_for_unused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    (activity,) = find_processes(Privsep(), Places(tmp_path, tmp_path), ())
    assert "/proc does not show the processes" in activity.problem.message


async def test_a_cron_runner_that_holds_its_lock(options: Options, sample: SampleInstallation) -> None:
    with hold_pid_file(sample.home / ".teleclaude/cron_runner.pid"):
        [sentence] = await refusals(options)
    assert "the cron runner is running" in sentence


@pytest.mark.parametrize("name", ["teleclaude.db-wal", "teleclaude.db-shm"])
async def test_whoever_holds_what_lies_beside_the_database(
    options: Options, sample: SampleInstallation, name: str
) -> None:
    with process(sample.checkout, WRITES) as running:
        [sentence] = await refusals(options)
    assert (sample.checkout / name).parent.is_dir()
    assert f"process {running.pid}" in sentence


async def test_whoever_holds_the_events(options: Options, sample: SampleInstallation) -> None:
    program = f"file = open({str(sample.home / '.teleclaude/events.db')!r}, 'rb'); {WAITS}"
    with process(sample.checkout, program) as running:
        [sentence] = await refusals(options)
    assert f"process {running.pid}" in sentence


@pytest.fixture
def units(tmp_path: Path, sample: SampleInstallation, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for systemd, which no container runs: its units, and a systemctl that reads their states from files."""
    folder = tmp_path / "units"
    folder.mkdir()
    for name in ("teleclaude.service", "teleclaude-config.path", "teleclaude-docs-watch.service"):
        (folder / name).write_text(f"[Service]\nWorkingDirectory={sample.checkout}\n")
    (folder / "teleclaude-system.service").write_text("[Service]\nWorkingDirectory=/var/lib/teleclaude\n")
    program = tmp_path / "bin/systemctl"
    program.parent.mkdir()
    program.write_text(SYSTEMCTL.replace("{folder}", str(folder)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(services, "PROGRAMS", f"{program.parent}:{services.PROGRAMS}")
    monkeypatch.setattr(services, "SYSTEM_UNITS", (folder,))
    return folder


@pytest.mark.parametrize("unit", ["teleclaude.service", "teleclaude-config.path", "teleclaude-docs-watch.service"])
async def test_a_unit_that_runs_would_start_it_again(options: Options, units: Path, unit: str) -> None:
    (units / f"is-active-{unit}").write_text("activating\n")
    assert await refusals(options) == [
        f"the service manager keeps {unit} running → stop it: sudo systemctl stop {unit}"
    ]


async def test_a_trial_advises_nothing_about_a_real_unit_that_starts_at_boot(options: Options, units: Path) -> None:
    (units / "is-enabled-teleclaude.service").write_text("enabled\n")
    report = await migrate_sample(options)
    assert report.ok
    assert [sentence for sentence in said(report, Severity.WARNING) if "at boot" in sentence] == []


async def test_the_name_of_a_unit_is_one_word_of_the_remedy(
    options: Options, units: Path, sample: SampleInstallation
) -> None:
    (units / "teleclaude; touch planted.service").write_text(f"[Service]\nWorkingDirectory={sample.checkout}\n")
    (units / "is-active-teleclaude; touch planted.service").write_text("active\n")
    [sentence] = await refusals(options)
    assert sentence.endswith("→ stop it: sudo systemctl stop 'teleclaude; touch planted.service'")


async def test_a_unit_of_another_installation_is_no_hindrance(options: Options, units: Path) -> None:
    (units / "is-active-teleclaude-system.service").write_text("active\n")
    assert (await migrate_sample(options)).ok


async def test_an_entry_of_cron_is_named_with_its_line(
    options: Options, sample: SampleInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "crontab"
    table.write_text(f"# {sample.checkout}\n*/5 * * * * {sample.checkout}/bin/cron-runner\n")
    monkeypatch.setattr("teleclaude.migration.discover.crontabs.CRON_TABLES", (str(table),))
    report = await migrate_sample(dataclasses.replace(options, dry_run=True, target=None))
    [finding] = [each for each in report.all(Finding) if "cron" in each.problem.message]
    assert finding.severity is Severity.WARNING
    assert finding.problem.message.endswith(f"{table}, line 2")


@pytest.mark.skipif(answer_of(["tmux", "-V"]) == "", reason="needs tmux")
async def test_agents_in_tmux_are_a_warning(
    options: Options, sample: SampleInstallation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX_TMPDIR", str(tmp_path))
    subprocess.run(["tmux", "new-session", "-d", "-s", "tc_agent; reboot", "sleep 100"], cwd=tmp_path, check=True)
    try:
        report = await migrate_sample(options)
    finally:
        subprocess.run(["tmux", "kill-server"], check=True)
    [sentence] = [sentence for sentence in said(report, Severity.WARNING) if "tmux" in sentence]
    assert sentence.endswith("→ end them: tmux kill-session -t 'tc_agent; reboot'")


async def test_a_second_migration_of_the_same_source_is_refused(
    options: Options, sample: SampleInstallation, tmp_path: Path
) -> None:
    other = dataclasses.replace(options, root=tmp_path / "other")
    with hold_existing(sample.checkout):
        report = await migrate_sample(other)
    assert report.exit_code == 3
    assert report.failure is not None
    assert f"a migration, process {os.getpid()}, holds {sample.checkout}" in report.failure.problem.message


async def test_a_second_migration_to_the_same_places_is_refused(options: Options) -> None:
    assert options.root is not None
    runs = options.root / "var/lib/teleclaude/migration"
    runs.mkdir(parents=True)
    with hold_existing(runs):
        [sentence] = await refusals(options)
    assert f"a migration, process {os.getpid()}, holds {runs}" in sentence


async def test_a_second_migration_to_the_same_target_is_named(options: Options, tmp_path: Path) -> None:
    assert options.root is not None
    job = Job([*to_arguments(options), "--yes"], options.root / "var/lib/teleclaude/migration")
    first = job.begin()
    assert first.reached(("begin", "transfer"))
    first.freeze()
    other = dataclasses.replace(options, root=tmp_path / "other")
    sentences = await refusals(other)
    first.go_on()
    assert first.wait() == 0, first.said
    assert any("another daemon or migration works on the database: teleclaude" in sentence for sentence in sentences)


async def test_a_daemon_cannot_boot_on_the_target_meanwhile(options: Options) -> None:
    verdicts: list[tuple[int, str]] = []

    async def boot(_plan: Plan) -> AsyncGenerator[Event, None]:
        done = teleclaude("daemon", "--root", str(options.root))
        verdicts.append((done.returncode, done.stderr))
        yield note("test", Problem("a daemon tried"))

    report = await migrate_sample(options, (*STEPS[:4], Step("boot", boot), STEPS[4]))
    assert report.ok, report.failure
    [(code, stderr)] = verdicts
    assert code == 3
    assert "another daemon or migration works on the database" in stderr


@pytest.mark.parametrize("place", range(len(STEPS)))
async def test_a_writer_at_any_step_rolls_back(
    options: Options, sample: SampleInstallation, target: URL, place: int
) -> None:
    running: list[subprocess.Popen[bytes]] = []

    async def write(_plan: Plan) -> AsyncGenerator[Event, None]:
        program = [sys.executable, "-c", WRITES]
        running.append(subprocess.Popen(program, cwd=sample.checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert running[0].stdout is not None
        running[0].stdout.readline()
        yield note("test", Problem("a hook wrote"))

    report = await migrate_sample(options, (*STEPS[:place], Step("write", write), *STEPS[place:]))
    running[0].communicate()
    assert report.exit_code == 4
    assert report.failure is not None
    assert "changed during the migration" in report.failure.problem.message
    assert await has_nothing(target)


async def test_a_daemon_of_the_old_installation_that_starts_meanwhile_rolls_back(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    running: list[subprocess.Popen[bytes]] = []

    async def start(_plan: Plan) -> AsyncGenerator[Event, None]:
        program = [sys.executable, "-c", WAITS, "-m", "teleclaude.daemon"]
        running.append(subprocess.Popen(program, cwd=sample.checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        assert running[0].stdout is not None
        running[0].stdout.readline()
        yield note("test", Problem("its service manager started it"))

    report = await migrate_sample(options, (*STEPS[:3], Step("start", start), *STEPS[3:]))
    running[0].communicate()
    assert report.exit_code == 4
    assert report.failure is not None
    assert f"the daemon is running as process {running[0].pid}" in report.failure.problem.message
    assert await has_nothing(target)


@pytest.mark.parametrize("place", range(1, len(STEPS)))
async def test_a_lost_hold_on_the_target_stops_the_next_step(options: Options, target: URL, place: int) -> None:
    async def lose(_plan: Plan) -> AsyncGenerator[Event, None]:
        await query(target, TERMINATE)
        yield note("test", Problem("the session that held the lock is gone"))

    report = await migrate_sample(options, (*STEPS[:place], Step("lose", lose), *STEPS[place:]))
    assert report.exit_code == 4
    assert report.failure is not None
    assert "held the lock of the database is gone" in report.failure.problem.message
    assert await has_nothing(target)
