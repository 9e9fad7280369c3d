"""A run that was cut off after its commit is finished or undone by the next one."""

import asyncio
import dataclasses
import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from teleclaude.db.url import display_url
from teleclaude.demo.installation import SampleInstallation
from teleclaude.demo.postgres import Server
from teleclaude.migration.report.events import (
    ConstraintResult,
    Finding,
    IdleSessions,
    ProbeResult,
    SequenceResult,
    TableResult,
)
from teleclaude.migration.report.summary import find_attention
from teleclaude.migration.source.options import Options, Recovery
from teleclaude.migration.source.run_record import JournaledRun
from teleclaude.migration.state.journal import Interrupted
from teleclaude.migration.state.run_state import Observer
from tests.crash.machine import Job, Migration
from tests.support.command import teleclaude, to_arguments
from tests.support.sample import editing, files_below, has_nothing, migrate_sample, query
from tests.support.standing import Standing, stand

pytestmark = pytest.mark.usefixtures("daemon_here")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let private folders lie where this test alone looks."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def job(options: Options) -> Job:
    assert options.root is not None
    return Job([*to_arguments(options), "--yes"], options.root / "var/lib/teleclaude/migration")


@pytest.fixture(scope="module")
def killed(server: Server) -> Iterator[Standing]:
    """Kill one migration after its commit for all tests that begin there."""
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        standing = asyncio.run(stand(server, Path(folder)))
        temporary = standing.folder / "tmp"
        temporary.mkdir()
        cut_off(Job([*to_arguments(standing.options), "--yes"], state_of(standing), {"TMPDIR": str(temporary)}))
        asyncio.run(standing.keep())
        yield standing


@pytest.fixture
async def left(killed: Standing, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Standing:
    """Leave everything as the killed migration left it."""
    await killed.put_back()
    monkeypatch.setenv("TMPDIR", str(killed.folder / "tmp"))
    return killed


def state_of(standing: Standing) -> Path:
    return standing.root / "var/lib/teleclaude/migration"


def cut_off(job: Job, event: str = "begin", step: str = "probe") -> Migration:
    """Kill a migration with SIGKILL as soon as its journal says so."""
    migration = job.begin()
    assert migration.reached((event, step))
    migration.kill()
    assert migration.wait() == -signal.SIGKILL
    return migration


def asked(options: Options, recovery: Recovery) -> Options:
    return dataclasses.replace(options, recovery=recovery)


def published(options: Options) -> list[str]:
    assert options.root is not None
    return [name for name in files_below(options.root) if not name.startswith("var/lib/teleclaude/migration/")]


async def test_the_next_run_names_both_ways_and_changes_nothing(left: Standing) -> None:
    before = published(left.options)
    report = await migrate_sample(left.options)
    assert report.exit_code == 3
    assert report.failure is not None
    assert "cut off after its commit" in report.failure.problem.message
    assert "--resume" in report.failure.problem.hint
    assert "--undo" in report.failure.problem.hint
    assert published(left.options) == before
    assert await query(left.target, "SELECT state FROM migration_runs") == [("pending",)]


async def test_a_run_is_finished_under_its_own_name(left: Standing) -> None:
    [(name,)] = await query(left.target, "SELECT run_id FROM migration_runs")
    report = await migrate_sample(asked(left.options, Recovery.RESUME))
    assert report.ok, report.failure
    assert report.header["run"] == name
    assert report.all(ProbeResult)[0].ok
    assert sum(result.values_compared for result in report.all(TableResult)) > 0
    assert len(report.all(IdleSessions)) == 1
    assert await query(left.target, "SELECT state FROM migration_runs") == [("complete",)]
    assert "etc/teleclaude/secrets.yml" in published(left.options)
    assert json.loads((state_of(left) / name / "report.json").read_text())["ok"] is True
    assert "Done and proved." in (state_of(left) / name / "report.html").read_text()


async def test_a_run_is_taken_back(left: Standing) -> None:
    report = await migrate_sample(asked(left.options, Recovery.UNDO))
    assert report.exit_code == 0, report.failure
    assert await has_nothing(left.target)
    assert published(left.options) == []
    assert (await migrate_sample(left.options)).ok


async def test_nothing_of_what_was_taken_back_is_shown_as_proved(left: Standing) -> None:
    done = teleclaude("migrate-to-system", *to_arguments(left.options), "--undo")
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if line]
    assert said[0] == "Undone: the target is empty again, and nothing is published."
    [page] = state_of(left).glob("*/report.html")
    assert "What was verified" not in page.read_text()
    assert "values compared</div>" not in page.read_text()


async def test_the_row_alone_is_enough_to_take_it_back(left: Standing) -> None:
    shutil.rmtree(state_of(left))
    assert (await migrate_sample(asked(left.options, Recovery.UNDO))).ok
    assert await has_nothing(left.target)
    assert published(left.options) == []


async def test_the_row_alone_is_enough_to_finish_it_where_no_value_needs_the_ledger(
    options: Options, job: Job, target: URL, sample: SampleInstallation
) -> None:
    (sample.home / ".teleclaude/events.db").unlink()
    with editing(sample) as database:
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'")
        for (name,) in names.fetchall():
            if "_fts" not in name:
                database.execute(f"DELETE FROM {name}")
    cut_off(job)
    shutil.rmtree(job.state)
    report = await migrate_sample(asked(options, Recovery.RESUME))
    assert report.ok, report.failure
    assert any("the journal of the run is lost" in finding.problem.message for finding in report.all(Finding))
    assert (Path(report.header["folder"]) / "since.sql").is_file()
    assert await query(target, "SELECT state FROM migration_runs") == [("complete",)]


async def test_without_its_ledger_a_run_with_changed_values_is_only_taken_back(left: Standing) -> None:
    shutil.rmtree(state_of(left))
    report = await migrate_sample(asked(left.options, Recovery.RESUME))
    assert report.exit_code == 3
    assert report.failure is not None
    assert "ledger" in report.failure.problem.message
    assert (await migrate_sample(asked(left.options, Recovery.UNDO))).ok


@pytest.mark.parametrize("recovery", list(Recovery))
async def test_a_run_whose_ledger_alone_is_lost_is_refused_with_a_sentence(left: Standing, recovery: Recovery) -> None:
    [ledger] = state_of(left).glob("*/ledger.jsonl")
    ledger.unlink()
    report = await migrate_sample(asked(left.options, recovery))
    assert report.exit_code == 3
    assert report.failure is not None
    assert report.failure.problem.message.startswith(f"the ledger {ledger} is missing")


async def test_files_are_taken_back_also_where_the_target_holds_nothing(left: Standing) -> None:
    await query(left.target, "DROP SCHEMA public CASCADE")
    await query(left.target, "CREATE SCHEMA public")
    await query(left.target, "DROP SCHEMA IF EXISTS events CASCADE")
    assert (await migrate_sample(left.options)).exit_code == 3
    assert (await migrate_sample(asked(left.options, Recovery.UNDO))).ok
    assert published(left.options) == []


@pytest.mark.parametrize("recovery", list(Recovery))
@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO audit_log (actor_person, action_type) VALUES ('x', 'y')",
        "UPDATE sessions SET title = 'changed' WHERE session_id = (SELECT min(session_id) FROM sessions)",
    ],
)
async def test_rows_written_since_refuse_both(left: Standing, recovery: Recovery, change: str) -> None:
    await query(left.target, change)
    report = await migrate_sample(asked(left.options, recovery))
    assert report.exit_code == 3
    assert await query(left.target, "SELECT state FROM migration_runs") == [("pending",)]


async def test_a_source_that_was_used_since_is_not_finished_but_taken_back(left: Standing) -> None:
    with editing(left.sample) as database:
        database.execute("INSERT INTO system_settings (key, value) VALUES ('late', 'x')")
    report = await migrate_sample(asked(left.options, Recovery.RESUME))
    assert report.exit_code == 3
    assert report.failure is not None
    assert "no longer what was migrated" in report.failure.problem.message
    assert (await migrate_sample(asked(left.options, Recovery.UNDO))).ok
    assert await has_nothing(left.target)


async def test_a_complete_run_is_acknowledged_and_never_taken_back(options: Options, job: Job, target: URL) -> None:
    migration = job.begin()
    migration.wait()
    journal = migration.journal
    assert journal is not None
    lines = [line for line in journal.read_text().splitlines(keepends=True) if '"settled"' not in line]
    journal.write_text("".join(lines))
    report = await migrate_sample(asked(options, Recovery.UNDO))
    assert report.exit_code == 3
    assert "complete" in (report.failure.problem.message if report.failure else "")
    assert (await migrate_sample(asked(options, Recovery.RESUME))).ok
    assert await query(target, "SELECT count(*) FROM sessions") == [(20,)]


async def test_a_run_that_was_killed_before_its_commit_leaves_nothing_to_decide(options: Options, job: Job) -> None:
    cut_off(job, "begin", "transfer")
    assert (await migrate_sample(options)).ok


async def test_without_a_run_to_take_up_both_are_refused(options: Options) -> None:
    report = await migrate_sample(asked(options, Recovery.RESUME))
    assert report.exit_code == 3
    assert "no migration was cut off here" in (report.failure.problem.message if report.failure else "")


async def test_on_a_terminal_the_operator_decides(left: Standing) -> None:
    class Operator(Observer):
        def decides(self, interrupted: Interrupted) -> Recovery | None:
            assert isinstance(interrupted.journal, JournaledRun)
            return Recovery.UNDO

    assert (await migrate_sample(left.options, observer=Operator())).ok
    assert await has_nothing(left.target)


async def test_a_run_into_another_database_is_named(left: Standing) -> None:
    elsewhere = dataclasses.replace(left.options, target="postgresql://ada@127.0.0.1:1/d", recovery=Recovery.UNDO)
    assert (await migrate_sample(elsewhere)).exit_code == 3


async def test_the_private_folder_of_a_killed_run_goes(job: Job, temporary: Path) -> None:
    cut_off(job)
    assert len(list(temporary.glob("teleclaude-migration-*"))) == 1
    living = job.begin("--undo")
    assert living.wait() == 0, living.said
    assert list(temporary.iterdir()) == []


async def test_the_private_folder_of_a_living_run_stays(job: Job, temporary: Path) -> None:
    living = job.begin()
    assert living.reached(("begin", "transfer"))
    living.freeze()
    [folder] = temporary.glob("teleclaude-migration-*")
    other = job.run("--dry-run")
    assert folder.is_dir()
    assert other.code == 3
    assert "another migration works" in other.said or f"process {living.process.pid}" in other.said
    living.go_on()
    assert living.wait() == 0, living.said


def test_both_flags_at_once_are_a_wrong_command_line() -> None:
    assert teleclaude("migrate-to-system", "--resume", "--undo").returncode == 2


async def test_without_a_terminal_the_command_refuses_with_one_sentence(left: Standing) -> None:
    done: subprocess.CompletedProcess[str] = teleclaude("migrate-to-system", *to_arguments(left.options), "--yes")
    assert done.returncode == 3
    assert "use --resume to finish it, or --undo to undo it" in done.stderr


async def test_where_rows_were_only_counted_it_is_said(left: Standing) -> None:
    left.sample.database.unlink()
    report = await migrate_sample(asked(left.options, Recovery.UNDO))
    assert report.ok
    assert any("rows were counted" in finding.problem.message for finding in report.all(Finding))
    assert await has_nothing(left.target)


@pytest.mark.parametrize("flag", ["--resume", "--undo"])
def test_the_remedy_of_the_self_check_works_as_it_is_printed(left: Standing, flag: str) -> None:
    found = teleclaude("self-check", "--root", str(left.root))
    remedy = f"teleclaude migrate-to-system --root {left.root} --resume finishes it, --undo takes it back"
    assert remedy in " ".join(found.stdout.split())
    done = teleclaude("migrate-to-system", "--root", str(left.root), flag)
    assert done.returncode == 0, done.stderr


async def test_where_nothing_was_published_the_target_is_named(left: Standing) -> None:
    (left.root / "etc/teleclaude/config.yml").unlink()
    report = await migrate_sample(dataclasses.replace(left.options, target=None, recovery=Recovery.UNDO))
    assert report.exit_code == 3
    assert report.failure is not None
    assert report.failure.problem.hint.startswith(f"use --target {display_url(left.target)}")


async def test_a_run_that_is_finished_tells_what_the_data_breaks_and_what_sequences_give_next(
    left: Standing,
) -> None:
    report = await migrate_sample(asked(left.options, Recovery.RESUME))
    assert report.ok, report.failure
    broken = {result.name: result for result in report.all(ConstraintResult)}
    of_deletions = broken["pending_message_deletions_session_id_fkey"]
    assert of_deletions.state == "not valid"
    assert len(await query(left.target, of_deletions.query)) == of_deletions.rows > 0
    assert any(of_deletions.name in attention.problem.message for attention in find_attention(report.to_json()))
    given = {(result.table, result.column): result.next_value for result in report.all(SequenceResult)}
    [highest] = await query(left.target, "SELECT max(id) FROM hook_outbox")
    assert given["hook_outbox", "id"] == highest[0] + 1
