"""Steps run in order and are undone in reverse. Whatever stops a run, nothing of it is left."""

import asyncio
import dataclasses
import errno
import json
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import URL

from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Problem, TargetError
from teleclaude.migration.pipeline import STEPS
from teleclaude.migration.plan.plan import Plan, make_plan
from teleclaude.migration.plan.rollback import COMMAND_FILES
from teleclaude.migration.report.events import Event, ProbeResult, note
from teleclaude.migration.run import Step, run_steps
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.migration.state.ledger import Ledger
from teleclaude.migration.state.run_state import Observer, Run
from tests.support.sample import files_below, has_nothing, migrate_sample, query
from tests.support.shell import Stubs
from tests.support.steps import fail, planted

PLACES = range(len(STEPS) + 1)


async def break_down(_plan: Plan) -> AsyncGenerator[Event, None]:
    yield note("test", Problem("about to break"))
    raise ZeroDivisionError


async def be_interrupted(_plan: Plan) -> AsyncGenerator[Event, None]:
    yield note("test", Problem("about to be interrupted"))
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(60)


class Told(Observer):
    """Remembers what it is told of steps."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def step(self, name: str) -> None:
        self.heard.append(name)

    def undoing(self, name: str) -> None:
        self.heard.append(f"undo {name}")


@pytest.fixture
def run(inventory: Inventory, tmp_path: Path) -> Run:
    """Begin a run in a folder of its own, without an old database and without a step that ran."""
    plan = make_plan(Options(report_dir=tmp_path), inventory)
    plan.folder.mkdir()
    return Run(plan, Told())


async def held() -> None:
    """Find every lock in place."""


def step_that(name: str, undo: Callable[[Plan], Awaitable[None]] | None = None) -> Step:
    async def work(_plan: Plan) -> AsyncGenerator[Event, None]:
        yield note(name, Problem("done"))

    return Step(name, work, undo, lambda _plan: (f"undo {name} by hand",))


async def succeed(_plan: Plan) -> None:
    """Undo as it should be."""


async def refuse(_plan: Plan) -> None:
    raise OSError("the server is gone")


def heard(run: Run) -> list[str]:
    assert isinstance(run.observer, Told)
    return run.observer.heard


async def test_steps_run_in_order_and_a_run_that_ends_says_how_to_go_back(run: Run) -> None:
    await run_steps(run, (step_that("one", succeed), step_that("two")), held)
    assert heard(run) == ["one", "two"]
    assert [step.outcome for step in run.steps] == ["done", "done"]
    assert run.failure is None
    assert run.undo
    assert run.settled


async def test_a_step_that_fails_undoes_those_that_began_last_first(run: Run) -> None:
    steps = (step_that("one", succeed), step_that("two", succeed), Step("three", fail, succeed), step_that("four"))
    await run_steps(run, steps, held)
    assert heard(run) == ["one", "two", "three", "undo three", "undo two", "undo one"]
    assert {step.outcome for step in run.steps} == {"undone"}
    assert run.to_report().exit_code == 4
    assert run.settled


def commands_of(run: Run) -> set[str]:
    return {path.name for path in run.plan.folder.iterdir()} & set(COMMAND_FILES)


async def test_a_run_that_was_undone_leaves_no_commands(run: Run) -> None:
    await run_steps(run, (Step("one", fail, succeed),), held)
    assert commands_of(run) == set()


async def test_a_run_that_could_not_be_undone_or_succeeded_keeps_its_commands(run: Run) -> None:
    await run_steps(run, (Step("one", fail, refuse),), held)
    assert {"rollback.txt", "rollback.sql"} <= commands_of(run)
    await run_steps(run, (step_that("one"),), held)
    assert {"rollback.txt", "rollback.sql"} <= commands_of(run)


async def test_what_cannot_be_undone_does_not_keep_the_rest_from_it_and_is_left_with_its_commands(run: Run) -> None:
    await run_steps(run, (step_that("one", succeed), step_that("two", refuse), Step("three", fail)), held)
    assert [step.outcome for step in run.steps] == ["undone", "not undone", "failed"]
    report = run.to_report()
    assert report.exit_code == 5
    assert report.undo == ("undo two by hand",)
    assert not run.settled


async def test_no_step_begins_without_the_lock_on_the_target(run: Run) -> None:
    async def lost() -> None:
        raise TargetError(Problem("planted", "nothing to do"))

    await run_steps(run, (step_that("one"),), lost)
    assert heard(run) == []
    assert run.to_report().exit_code == 4


async def fill_a_disk(_plan: Plan) -> AsyncGenerator[Event, None]:
    yield note("test", Problem("about to fill the disk"))
    with closing(sqlite3.connect("")) as database:
        database.execute("PRAGMA max_page_count = 2")
        database.execute("CREATE TABLE keys (digest BLOB)")
        database.execute("INSERT INTO keys VALUES (zeroblob(100000))")


async def ask_nonsense(_plan: Plan) -> AsyncGenerator[Event, None]:
    yield note("test", Problem("about to ask"))
    sqlite3.connect("").execute("nonsense")


async def test_a_disk_that_is_full_for_a_temporary_file_of_sqlite_is_one_sentence(run: Run) -> None:
    await run_steps(run, (Step("planted", fill_a_disk),), held)
    assert run.failure is not None
    assert "database or disk is full" in run.failure.problem.message
    assert "TMPDIR" in run.failure.problem.hint
    assert run.steps[0].outcome == "failed"


async def test_another_error_of_sqlite_is_a_bug(run: Run) -> None:
    await run_steps(run, (Step("planted", ask_nonsense),), held)
    assert run.failure is not None
    assert run.failure.problem.message == "a bug of this program: OperationalError"


def published(options: Options) -> list[str]:
    assert options.root is not None
    return [name for name in files_below(options.root) if not name.startswith("var/lib/teleclaude/migration/")]


@pytest.mark.usefixtures("daemon_here")
@pytest.mark.parametrize("place", PLACES[:-1])
async def test_a_failure_at_any_step_leaves_nothing(options: Options, target: URL, place: int) -> None:
    report = await migrate_sample(options, planted(Step("planted", fail), place))
    assert report.exit_code == 4
    assert report.failure is not None
    assert report.failure.problem.message == "planted"
    outcomes = [step.outcome for step in report.steps if step.name in ("transfer", "publish_config", "publish_docs")]
    assert set(outcomes) <= {"undone"}
    assert await has_nothing(target)
    assert published(options) == []


@pytest.mark.usefixtures("daemon_here")
async def test_a_bug_in_a_step_is_taken_back_and_is_one_sentence(options: Options, target: URL) -> None:
    report = await migrate_sample(options, planted(Step("planted", break_down), 3))
    assert report.exit_code == 4
    assert report.failure is not None
    assert report.failure.problem.message == "a bug of this program: ZeroDivisionError"
    assert await has_nothing(target)


@pytest.mark.usefixtures("daemon_here")
async def test_a_full_disk_of_ours_is_not_blamed_on_the_database(
    options: Options, target: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_ledger: Ledger) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Ledger, "sync", no_room)
    report = await migrate_sample(options)
    assert report.exit_code == 4
    assert report.failure is not None
    assert "No space left on device" in report.failure.problem.message
    assert "postgresql" not in report.failure.problem.message
    assert await has_nothing(target)


@pytest.mark.usefixtures("daemon_here")
@pytest.mark.parametrize("place", [0, 1, 3])
async def test_an_interrupt_is_taken_back(options: Options, target: URL, place: int) -> None:
    task = asyncio.ensure_future(migrate_sample(options, planted(Step("planted", be_interrupted), place)))
    report = await task
    assert report.exit_code == 130
    assert await has_nothing(target)
    assert published(options) == []


@pytest.mark.usefixtures("daemon_here")
async def test_after_a_failure_the_next_run_succeeds(options: Options) -> None:
    assert (await migrate_sample(options, planted(Step("planted", fail), 3))).exit_code == 4
    assert (await migrate_sample(options)).exit_code == 0


@pytest.mark.usefixtures("daemon_here")
async def test_a_schema_that_existed_before_exists_again_empty(options: Options, target: URL) -> None:
    async with disposing(make_engine(target)) as engine, engine.begin() as connection:
        await connection.run_sync(schema.upgrade)
    report = await migrate_sample(options, planted(Step("planted", fail), 3))
    assert report.exit_code == 4
    assert await query(target, "SELECT count(*) FROM sessions") == [(0,)]
    assert (await migrate_sample(options)).exit_code == 0


@pytest.mark.usefixtures("daemon_here")
async def test_an_undo_that_fails_prints_the_commands_that_finish_it(
    options: Options, target: URL, tmp_path: Path
) -> None:
    async def cannot(_plan: Plan) -> None:
        raise OSError("the server is gone")

    steps = (dataclasses.replace(STEPS[0], undo=cannot), *STEPS[1:3], Step("planted", fail))
    report = await migrate_sample(options, steps)
    assert report.exit_code == 5
    assert published(options) == []
    assert "psql" in report.undo[0]
    Stubs(tmp_path / "stubs").run("\n".join(report.undo), target)
    assert await has_nothing(target)


@pytest.mark.usefixtures("daemon_here")
async def test_an_undo_touches_no_run_but_its_own(options: Options, target: URL) -> None:
    async def claim(_plan: Plan) -> AsyncGenerator[Event, None]:
        await query(target, "UPDATE migration_runs SET run_id = 'another'")
        yield note("test", Problem("somebody else's run now"))
        raise TargetError(Problem("planted", "nothing to do"))

    await migrate_sample(options, (STEPS[0], Step("planted", claim)))
    assert await query(target, "SELECT count(*) FROM sessions") == [(20,)]


@pytest.mark.usefixtures("daemon_here")
async def test_an_undo_removes_no_file_but_its_own(options: Options, sample: SampleInstallation) -> None:
    assert options.root is not None
    theirs = options.root / sample.home.relative_to("/") / ".teleclaude/config.yml"

    async def replace(_plan: Plan) -> AsyncGenerator[Event, None]:
        theirs.write_text("theirs now\n")
        yield note("test", Problem("somebody edited the file"))
        raise TargetError(Problem("planted", "nothing to do"))

    await migrate_sample(options, (*STEPS[:2], Step("planted", replace)))
    assert published(options) == [str(theirs.relative_to(options.root))]


async def test_a_daemon_that_does_not_list_every_session_stops_the_migration(options: Options, target: URL) -> None:
    async def lose(_plan: Plan) -> AsyncGenerator[Event, None]:
        await query(target, "DELETE FROM sessions WHERE session_id = (SELECT min(session_id) FROM sessions)")
        yield note("test", Problem("a session is gone"))

    report = await migrate_sample(options, (*STEPS[:3], Step("planted", lose), *STEPS[3:]))
    assert report.exit_code == 4
    assert not report.all(ProbeResult)[0].ok
    assert await has_nothing(target)


async def test_a_daemon_that_cannot_read_its_configuration_stops_the_migration(options: Options, target: URL) -> None:
    assert options.root is not None
    secrets = options.root / "etc/teleclaude/secrets.yml"

    async def spoil(_plan: Plan) -> AsyncGenerator[Event, None]:
        secrets.write_text(secrets.read_text().splitlines()[0] + "\nenvironment: {}\n")
        yield note("test", Problem("the password is gone"))

    report = await migrate_sample(options, (*STEPS[:3], Step("planted", spoil), *STEPS[3:]))
    assert report.exit_code == 4
    assert report.failure is not None
    assert "the daemon cannot serve what was moved: " in report.failure.problem.message
    assert await has_nothing(target)


@pytest.mark.usefixtures("daemon_here")
async def test_an_old_file_that_changes_stops_the_migration(options: Options, sample: SampleInstallation) -> None:
    async def edit(_plan: Plan) -> AsyncGenerator[Event, None]:
        with (sample.checkout / "config.yml").open("a") as file:
            file.write("# edited\n")
        yield note("test", Problem("somebody edited the configuration"))

    report = await migrate_sample(options, planted(Step("planted", edit), 2))
    assert report.exit_code == 4
    assert report.failure is not None
    assert "config.yml changed" in report.failure.problem.message


@pytest.mark.usefixtures("daemon_here")
async def test_the_journal_says_how_to_undo_a_step_before_it_begins(options: Options) -> None:
    report = await migrate_sample(options, planted(Step("planted", fail), 3))
    assert options.root is not None
    path = options.root / "var/lib/teleclaude/migration" / report.header["run"] / "journal.jsonl"
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(entry.get("step"), entry["event"]) for entry in entries] == [
        (None, "start"),
        ("transfer", "begin"),
        ("transfer", "commit"),
        ("transfer", "done"),
        ("publish_config", "begin"),
        ("publish_config", "done"),
        ("publish_docs", "begin"),
        ("publish_docs", "done"),
        ("planted", "begin"),
        (None, "failed"),
        ("publish_docs", "undone"),
        ("publish_config", "undone"),
        ("transfer", "undone"),
        (None, "settled"),
    ]
    assert all(entry["undo"] for entry in entries if entry["event"] == "begin" and entry["step"] != "planted")
