"""The rollback is followed to the letter, after the new system was used, and finds the old installation as it was."""

import dataclasses
import os
import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import SampleInstallation
from teleclaude.layout import make_layout
from teleclaude.migration.discover import discover
from teleclaude.migration.plan.plan import make_plan
from teleclaude.migration.plan.rollback import describe_next
from teleclaude.migration.plan.rollback_sql import NOT_THIS_RUN, make_rollback
from teleclaude.migration.report.events import TableResult
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.inventory import Kind, Reference
from teleclaude.migration.source.options import Options
from tests.support.idle import close_idle_later
from tests.support.pointing import point_to
from tests.support.sample import editing, files_below, has_nothing, migrate_sample, query, state
from tests.support.shell import Stubs
from tests.support.standing import Migrated

pytestmark = pytest.mark.usefixtures("daemon_here")

UNITS = {
    "teleclaude.service": "[Service]\nExecStart={checkout}/bin/teleclaude-wrapper.sh\n",
    "teleclaude-config.path": "[Path]\nPathChanged={checkout}/config.yml\n",
}


@pytest.fixture
def stubs(stubs: Stubs, sample: SampleInstallation) -> Stubs:
    """Let systemd know the old units, one of which starts at boot."""
    for name, text in UNITS.items():
        (stubs.folder / name).write_text(text.format(checkout=sample.checkout))
    stubs.answer("is-enabled", "teleclaude.service", "enabled")
    return stubs


def folder_of(report: Report) -> Path:
    return Path(report.header["folder"])


def counted(said: str) -> dict[str, tuple[int, ...]]:
    """Return the rows that psql lists by table: migrated, here now, new or changed, and of these by close_idle."""
    rows = re.findall(r"^ (\S+) +\| +(\d+) \| +(\d+) \| +(\d+) \| +(\d+)$", said, re.M)
    return {table: tuple(map(int, numbers)) for table, *numbers in rows}


async def test_the_rollback_of_a_trial_takes_it_back_and_touches_nothing_else(
    options: Options, sample: SampleInstallation, stubs: Stubs, target: URL, tmp_path: Path
) -> None:
    assert options.root is not None
    point_to(sample)
    before = files_below(sample.checkout), state(sample.home)
    report = await migrate_sample(options)
    assert report.ok, report.failure
    assert not list(folder_of(report).glob("cutover*"))
    await query(target, "INSERT INTO system_settings (key, value) VALUES ('new', '1')")
    stubs.run((folder_of(report) / "rollback.txt").read_text(), target)
    assert (files_below(sample.checkout), state(sample.home)) == before
    assert await has_nothing(target)
    assert [name for name in files_below(options.root) if not name.startswith("var/lib/teleclaude/migration/")] == []
    assert stubs.said == []
    assert (await migrate_sample(dataclasses.replace(options, root=tmp_path / "again"))).ok


async def test_the_rollback_is_printed_as_it_is_saved(migrated: Migrated) -> None:
    assert (migrated.folder / "rollback.txt").read_text().splitlines() == list(migrated.report.undo)


async def test_what_would_be_lost_is_counted(migrated: Migrated, tmp_path: Path) -> None:
    stubs, target = Stubs(tmp_path / "stubs"), migrated.target
    step = "\n".join(migrated.report.undo).split("# 2.")[0]
    assert counted(stubs.run(step, target)) == {}
    await query(target, "INSERT INTO system_settings (key, value) VALUES ('new', '1'), ('newer', '2')")
    await query(target, "UPDATE sessions SET title = 'x' WHERE session_id = (SELECT min(session_id) FROM sessions)")
    await query(target, "DELETE FROM agent_availability WHERE agent = (SELECT min(agent) FROM agent_availability)")
    await query(target, "INSERT INTO audit_log (actor_person, action_type) VALUES ('Ada', 'read')")
    with migrated.config.open("a") as edited:
        edited.write("# edited\n")
    said = stubs.run(step, target)
    assert counted(said) == {
        "agent_availability": (3, 2, 0, 0),
        "audit_log": (0, 1, 1, 0),
        "sessions": (20, 20, 1, 0),
        "system_settings": (2, 4, 2, 0),
    }
    assert [line for line in said.splitlines() if line.startswith("/")] == [str(migrated.config)]


async def test_what_the_daemon_closed_as_idle_is_counted_apart(migrated: Migrated, tmp_path: Path) -> None:
    closed = await close_idle_later(migrated.target)
    last = "(SELECT max(target_session_id) FROM audit_log)"
    await query(migrated.target, f"UPDATE sessions SET title = 'x', last_activity = now() WHERE session_id = {last}")
    said = Stubs(tmp_path / "stubs").run("\n".join(migrated.report.undo).split("# 2.")[0], migrated.target)
    found = counted(said)
    assert found["sessions"] == (20, 20, closed, closed - 1)
    assert found["audit_log"] == (0, closed, closed, closed)
    names = await query(migrated.target, "SELECT target_session_id FROM audit_log")
    assert [name for (name,) in names if f" {name} " not in said.partition("still closed")[2]] == []


async def test_counting_is_not_confused_by_a_vacuum(migrated: Migrated, tmp_path: Path) -> None:
    async with disposing(make_engine(migrated.target)) as engine, engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("VACUUM (FULL, FREEZE)")
    assert (
        counted(Stubs(tmp_path / "stubs").run("\n".join(migrated.report.undo).split("# 2.")[0], migrated.target)) == {}
    )


async def test_the_commands_of_a_run_do_nothing_to_a_later_one(migrated: Migrated, tmp_path: Path) -> None:
    await query(migrated.target, "UPDATE migration_runs SET run_id = 'B'")
    stubs = Stubs(tmp_path / "stubs")
    lines = [line for line in migrated.report.undo if "psql " in line and not line.startswith("#")]
    since, rollback = lines
    assert "holds no complete migration" in stubs.run(since, migrated.target)
    failed = subprocess.run(
        ["sh", "-c", rollback],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": stubs.path, "PGPASSWORD": migrated.target.password or ""},
    )
    assert failed.returncode
    [said] = failed.stderr.splitlines()
    assert said.endswith(NOT_THIS_RUN.format(run=migrated.report.header["run"]))
    assert await query(migrated.target, "SELECT run_id FROM migration_runs") == [("B",)]
    assert await query(migrated.target, "SELECT count(*) FROM sessions") == [(20,)]


async def test_a_database_that_holds_nothing_of_ours_is_left_alone(target: URL) -> None:
    with pytest.raises(DBAPIError, match="nothing was changed"):
        await query(target, make_rollback("run"))


async def test_rejected_rows_are_not_counted_as_lost(
    options: Options, sample: SampleInstallation, target: URL, tmp_path: Path
) -> None:
    with editing(sample) as database:
        database.execute("INSERT INTO system_settings (key, value) VALUES (NULL, 'x')")
    report = await migrate_sample(options)
    assert [table.rejected for table in report.all(TableResult) if table.name == "system_settings"] == [1]
    assert counted(Stubs(tmp_path / "stubs").run("\n".join(report.undo).split("# 2.")[0], target)) == {}


async def test_after_a_trial_comes_its_daemon(migrated: Migrated) -> None:
    assert migrated.report.next == (f"teleclaude daemon --root {migrated.root}",)


@pytest.mark.parametrize(
    ("platform", "start"),
    [
        ("linux", "sudo systemctl enable --now teleclaude-system.service"),
        (
            "darwin",
            "sudo launchctl enable system/ai.instrukt.teleclaude.system && sudo launchctl bootstrap system "
            "/Library/LaunchDaemons/ai.instrukt.teleclaude.system.plist",
        ),
    ],
)
async def test_after_a_migration_come_the_cutover_and_the_daemon(
    options: Options, sample: SampleInstallation, tmp_path: Path, platform: str, start: str
) -> None:
    seen = await discover(dataclasses.replace(options, target=None), "run", tmp_path, {})
    places = make_layout(platform)
    inventory = dataclasses.replace(seen, platform=platform, layout=places, is_root=True)
    assert describe_next(make_plan(options, inventory)) == (start,)
    lead = Reference(Kind.LINK, sample.home / ".local/bin/telec", str(sample.checkout))
    script = f"sudo sh {places.migrations}/run/cutover.sh  # read it first"
    plan = make_plan(options, dataclasses.replace(inventory, references=(lead,)))
    assert describe_next(plan) == (script, start)


async def test_a_password_file_that_was_named_is_named_again_wherever_the_database_is(
    options: Options, target: URL, tmp_path: Path
) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:*:{target.password or 'none'}\n")
    file.chmod(0o600)
    named = target.update_query_dict({"passfile": str(file)}).render_as_string().replace(":***@", "@")
    report = await migrate_sample(dataclasses.replace(options, target=named))
    assert report.ok, report.failure
    assert not any(line.startswith("# psql asks") for line in report.undo)
    commands = [line for line in report.undo if "psql " in line or "pg_dump " in line]
    assert len(commands) == 3
    assert [line for line in commands if f"passfile={file}" not in line] == []
    assert f"passfile={file}" in report.to_json()["target"]["url"]


async def test_no_settings_of_the_caller_change_what_psql_does(migrated: Migrated) -> None:
    commands = [line for line in migrated.report.undo if "psql " in line and not line.startswith("#")]
    assert len(commands) == 2
    assert [line for line in commands if "--no-psqlrc" not in line] == []
