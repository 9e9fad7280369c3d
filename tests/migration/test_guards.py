"""Guards behind which another one stands: what each does is seen alone. `./run mutants` removes them one at a time."""

import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.retry import commit_and_know
from teleclaude.demo.installation import SampleInstallation
from teleclaude.errors import Problem
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.report.events import Event, Progress, note
from teleclaude.migration.report.report import Report
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options
from teleclaude.migration.state.journal import read_journal
from teleclaude.migration.state.run_state import Observer
from teleclaude.migration.steps import transfer as transfer_module
from tests.support.sample import editing, has_nothing, migrate_sample, query
from tests.support.steps import planted

pytestmark = pytest.mark.usefixtures("daemon_here")


def failed_step(report: Report) -> tuple[str, str]:
    """Return the last step that was begun, which failed, and why."""
    assert report.exit_code == 4
    assert report.failure is not None
    return report.steps[-1].name, report.failure.problem.message


async def test_a_source_that_changes_after_the_load_fails_the_transfer_itself(
    options: Options, sample: SampleInstallation, target: URL
) -> None:
    class Writer(Observer):
        def event(self, event: Event) -> None:
            if isinstance(event, Progress) and event.subject.startswith("keys"):
                with editing(sample) as database:
                    database.execute("INSERT INTO system_settings (key, value) VALUES ('late', 'x')")

    step, why = failed_step(await migrate_sample(options, observer=Writer()))
    assert step == "transfer"
    assert "changed during the migration" in why
    assert await has_nothing(target)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int] | str]:
    """Record what is written through to the disk, by inode and size, and the names that files get by a link."""
    happened: list[tuple[int, int] | str] = []
    sync, link = os.fsync, os.link

    def recorded_sync(descriptor: int) -> None:
        state = os.fstat(descriptor)
        sync(descriptor)
        happened.append((state.st_ino, state.st_size))

    def recorded_link(old: Any, new: Any, **given: Any) -> None:
        link(old, new, **given)
        happened.append(str(new))

    monkeypatch.setattr(os, "fsync", recorded_sync)
    monkeypatch.setattr(os, "link", recorded_link)
    return happened


def on_disk(path: Path) -> tuple[int, int]:
    """Return what is recorded when the file, as long as it is now, is written through."""
    state = path.stat()
    return state.st_ino, state.st_size


async def test_ledger_and_journal_are_on_disk_before_the_commit_is_sent(
    options: Options, sample: SampleInstallation, synced: list[tuple[int, int] | str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with editing(sample) as database:
        database.execute("UPDATE sessions SET title = 'a' || char(0) || 'b'")
    seen: list[tuple[str, bool, bool]] = []

    async def recorded(*given: Any) -> None:
        [journal] = Path(str(options.root)).glob("var/lib/teleclaude/migration/*/journal.jsonl")
        [ledger] = journal.parent.glob("ledger*")
        last = read_journal(journal.parent)[-1]["event"]
        seen.append((last, on_disk(journal) in synced, on_disk(ledger) in synced))
        await commit_and_know(*given)

    monkeypatch.setattr(transfer_module, "commit_and_know", recorded)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert seen == [("commit", True, True)]


async def test_a_published_file_is_on_disk_before_it_has_its_name_and_then_the_name_is(
    options: Options, synced: list[tuple[int, int] | str]
) -> None:
    report = await migrate_sample(options)
    assert report.ok, report.failure
    for name in ("etc/teleclaude/config.yml", "etc/teleclaude/secrets.yml"):
        path = Path(str(options.root)) / name
        named = synced.index(path.name)
        assert on_disk(path) in synced[:named]
        # The folder may have grown since.
        assert path.parent.stat().st_ino in [each[0] for each in synced[named:] if not isinstance(each, str)]


async def test_a_row_that_came_after_discovery_refuses_the_transfer(options: Options, target: URL) -> None:
    async def use(_plan: Plan) -> AsyncGenerator[Event, None]:
        async with disposing(make_engine(target)) as engine, engine.begin() as connection:
            await connection.run_sync(schema.upgrade)
            await connection.exec_driver_sql("INSERT INTO system_settings (key, value) VALUES ('ours', 'x')")
        yield note("test", Problem("somebody used the target"))

    step, why = failed_step(await migrate_sample(options, planted(Step("use", use), 0)))
    assert step == "transfer"
    assert "system_settings" in why
    assert await query(target, "SELECT key FROM system_settings") == [("ours",)]


async def test_a_row_that_goes_between_commit_and_probe_fails_the_probe(options: Options, target: URL) -> None:
    async def lose(_plan: Plan) -> AsyncGenerator[Event, None]:
        await query(target, "DELETE FROM hook_outbox WHERE id = (SELECT min(id) FROM hook_outbox)")
        yield note("test", Problem("a row is lost"))

    step, why = failed_step(await migrate_sample(options, planted(Step("lose", lose), 3)))
    assert step == "probe"
    assert "hook_outbox" in why
    assert await has_nothing(target)
