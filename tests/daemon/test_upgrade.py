"""Upgrades of a database with data in it, by revisions that only the tests have."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL, Connection, inspect
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.config.schema import make_settings
from teleclaude.daemon.boot import Installation, boot
from teleclaude.daemon.upgrade import Upgrade, explain_holder, upgrade
from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.url import parse_url
from teleclaude.errors import BootRefusedError, LockHeldError, Problem, TargetError, UpgradeError
from teleclaude.platform import services
from tests.support.sample import as_on_a_terminal, query, run

SECOND = '''"""Of the tests: says where a setting comes from, and keeps numbers of sessions."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.add_column("system_settings", sa.Column("origin", sa.Text(), nullable=False, server_default="before"))
    op.execute("UPDATE system_settings SET value = value || '!'")
    op.create_table("session_numbers", sa.Column("n", sa.BigInteger()))
    op.execute("INSERT INTO session_numbers SELECT count(*) FROM sessions")
    {more}
'''
THIRD = '''"""Of the tests: fails on the data after it has changed much."""
from alembic import op

revision, down_revision = "0003", "0002"


def upgrade():
    op.drop_table("session_numbers")
    op.execute("DELETE FROM system_settings")
    op.execute("SELECT 1 / count(*) FROM system_settings")
'''
DRIVER = """
import sys
from pathlib import Path
from teleclaude.cli import main
from teleclaude.db import schema

schema.VERSIONS.append(Path(sys.argv.pop(1)))
main()
"""

SLEEPING = "FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(30%' AND datname = current_database()"


@pytest.fixture
async def installation(target: URL, tmp_path: Path) -> Installation:
    """Make a system database at its first revision, with rows, and the files of an installation."""
    await run(target, schema.upgrade)
    await query(
        target, "INSERT INTO system_settings (key, value) SELECT 'k' || n, 'v' || n FROM generate_series(1, 500) n"
    )
    await query(
        target,
        "INSERT INTO sessions (session_id, computer_name, owner_person, owner_uid, created_at)"
        " SELECT 's' || n, 'here', 'Ada', 1000, now() FROM generate_series(1, 20) n",
    )
    etc = tmp_path / "root/etc/teleclaude"
    etc.mkdir(parents=True)
    url = target.set(drivername="postgresql").render_as_string(hide_password=False)
    (etc / "config.yml").write_text("agents: {}\n")
    (etc / "secrets.yml").write_text(yaml.safe_dump({"database": {"url": url}}))
    return Installation(make_settings({"agents": {}}, "the test"), target, tmp_path / "x.sock", None)


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of further revisions, known to this process."""
    folder = tmp_path / "versions"
    folder.mkdir()
    monkeypatch.setattr(schema, "VERSIONS", [*schema.VERSIONS, folder])
    return folder


@pytest.fixture
def second(versions: Path) -> Path:
    """Bring a second revision."""
    (versions / "r0002_second.py").write_text(SECOND.format(more=""))
    return versions


def _read_columns(connection: Connection, table: str) -> list[str]:
    return [str(column) for column in inspect(connection).get_columns(table)]


async def everything(url: URL) -> dict[str, object]:
    """Return the columns, constraints and rows of every table."""
    async with disposing(make_engine(url)) as engine, engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        found: dict[str, object] = {}
        for table in tables:
            columns = await connection.run_sync(_read_columns, table)
            rows = await connection.exec_driver_sql(f"SELECT t::text FROM {table} t ORDER BY 1")
            found[table] = columns, rows.scalars().all()
    return found


async def start(tmp_path: Path, versions: Path, *arguments: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-c", DRIVER, str(versions), "upgrade", "--root", str(tmp_path / "root"), *arguments]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, preexec_fn=as_on_a_terminal)


async def until_it_works(target: URL) -> None:
    for _ in range(300):
        if (await query(target, f"SELECT count(*) {SLEEPING}"))[0][0]:
            return
        await asyncio.sleep(0.05)
    pytest.fail("the upgrade did not begin")


async def test_data_is_kept_and_brought_along(installation: Installation, target: URL, second: Path) -> None:
    done = await upgrade(installation)
    assert (done.before, done.revisions) == ("0001", ("0002",))
    assert await query(target, "SELECT count(*), min(origin), min(value) FROM system_settings") == [
        (500, "before", "v1!")
    ]
    assert await query(target, "SELECT n FROM session_numbers") == [(20,)]
    assert await query(target, "SELECT version_num FROM alembic_version") == [("0002",)]


async def test_a_daemon_serves_what_was_upgraded(installation: Installation, second: Path) -> None:
    await upgrade(installation)
    async with boot(installation) as daemon:
        assert daemon.revision == "0002"


async def test_a_daemon_refuses_before_and_names_the_upgrade(installation: Installation, second: Path) -> None:
    with pytest.raises(BootRefusedError, match="is at schema revision 0001, this program needs 0002") as raised:
        async with boot(installation):
            pass
    assert raised.value.problem.hint == "run teleclaude upgrade"


async def test_a_second_time_there_is_nothing_to_do(installation: Installation, target: URL, second: Path) -> None:
    await upgrade(installation)
    before = await everything(target)
    assert (await upgrade(installation)).revisions == ()
    assert await everything(target) == before


async def test_a_rehearsal_does_everything_and_keeps_nothing(
    installation: Installation, target: URL, second: Path
) -> None:
    before = await everything(target)
    assert (await upgrade(installation, dry_run=True)).revisions == ("0002",)
    assert await everything(target) == before


async def test_an_upgrade_that_fails_leaves_everything_as_it_was(
    installation: Installation, target: URL, second: Path
) -> None:
    (second / "r0003_third.py").write_text(THIRD)
    before = await everything(target)
    with pytest.raises(UpgradeError, match=r"schema revision 0001 to 0003 failed.*division by zero") as raised:
        await upgrade(installation)
    assert raised.value.undone
    assert await everything(target) == before


async def test_a_failure_is_one_sentence_and_exit_code_4(
    installation: Installation, second: Path, tmp_path: Path, target: URL
) -> None:
    (second / "r0003_third.py").write_text(THIRD)
    process = await start(tmp_path, second)
    said, complained = await process.communicate()
    assert (process.returncode, said) == (4, b"")
    assert b"the database is as it was" in complained
    assert str(target.password).encode() not in complained


async def test_it_says_from_where_to_where(installation: Installation, second: Path, tmp_path: Path) -> None:
    for arguments, end in (["--dry-run"], "this would work; nothing was changed"), ([], "done"):
        process = await start(tmp_path, second, *arguments)
        said, complained = await process.communicate()
        assert process.returncode == 0, complained
        assert said.decode().endswith(f"schema revision 0001 to 0002: {end}\n")
    process = await start(tmp_path, second)
    assert b"at schema revision 0002; there is nothing to do" in (await process.communicate())[0]


async def test_of_two_at_once_one_is_refused(installation: Installation, target: URL, versions: Path) -> None:
    (versions / "r0002_second.py").write_text(SECOND.format(more='op.execute("SELECT pg_sleep(1)")'))
    both = await asyncio.gather(upgrade(installation), upgrade(installation), return_exceptions=True)
    assert {type(end) for end in both} == {Upgrade, LockHeldError}
    assert await query(target, "SELECT count(*) FROM session_numbers") == [(1,)]


async def test_it_refuses_while_a_daemon_serves(installation: Installation, target: URL, versions: Path) -> None:
    async with boot(installation):
        (versions / "r0002_second.py").write_text(SECOND.format(more=""))
        with pytest.raises(LockHeldError, match="another daemon or migration works on the database"):
            await upgrade(installation)
    assert await query(target, "SELECT version_num FROM alembic_version") == [("0001",)]


async def test_a_holder_of_the_database_is_named_and_never_to_be_terminated(installation: Installation) -> None:
    async with boot(installation):
        with pytest.raises(LockHeldError) as held:
            await upgrade(installation)
    problem = held.value.problem
    assert re.search(r": teleclaude \w+, as the role \w+, from .*, server process \d+", problem.message)
    assert "terminate" not in problem.message + problem.hint


@pytest.mark.skipif(sys.platform == "darwin", reason="asks systemd")
def test_a_service_that_runs_is_named_with_the_command_that_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\necho LoadState=loaded\necho ActiveState=active\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(services, "PROGRAMS", f"{tmp_path}:{os.environ['PATH']}")
    held = LockHeldError(Problem("somebody holds it", "stop that program"))
    problem = explain_holder(held, None).problem
    assert "teleclaude-system.service is running" in problem.message
    assert "sudo systemctl stop teleclaude-system.service" in problem.hint
    assert explain_holder(held, tmp_path) is held


async def test_it_refuses_while_a_migration_is_pending(installation: Installation, target: URL, second: Path) -> None:
    await query(target, "INSERT INTO migration_runs VALUES ('the-run', 'pending', 'x', 'x', now(), NULL)")
    with pytest.raises(BootRefusedError, match="the-run into this database is not finished"):
        await upgrade(installation)
    assert await query(target, "SELECT version_num FROM alembic_version") == [("0001",)]


async def test_it_refuses_a_database_from_the_future(installation: Installation, target: URL) -> None:
    await query(target, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(TargetError, match="9999, which this program does not know"):
        await upgrade(installation)


async def test_it_refuses_a_database_that_is_not_ours(installation: Installation, target: URL) -> None:
    await query(target, "DROP TABLE alembic_version")
    with pytest.raises(BootRefusedError, match="does not hold the tables"):
        await upgrade(installation)


async def test_it_refuses_a_single_user_installation(installation: Installation, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no system-wide installation"):
        await upgrade(replace(installation, url=parse_url(f"sqlite:///{tmp_path / 'x.db'}")))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGHUP, 130), (signal.SIGINT, 130)])
async def test_cut_off_in_the_middle_it_leaves_everything_as_it_was(
    installation: Installation, target: URL, versions: Path, tmp_path: Path, number: int, code: int
) -> None:
    (versions / "r0002_second.py").write_text(SECOND.format(more='op.execute("SELECT pg_sleep(30)")'))
    before = await everything(target)
    process = await start(tmp_path, versions)
    await until_it_works(target)
    process.send_signal(number)
    await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == code
    await query(target, f"SELECT pg_terminate_backend(pid) {SLEEPING}")
    assert await everything(target) == before


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Lose the reply of the next commits: the list says of each whether it arrives at the server."""
    arrives: list[bool] = []
    commit = AsyncConnection.commit

    async def lose(connection: AsyncConnection) -> None:
        if not arrives:
            return await commit(connection)
        await (commit if arrives.pop() else AsyncConnection.rollback)(connection)
        raise ConnectionResetError("the connection is gone")

    monkeypatch.setattr(AsyncConnection, "commit", lose)
    yield arrives
    assert arrives == []


async def test_a_commit_whose_reply_was_lost_is_asked_for(
    installation: Installation, target: URL, second: Path, replies: list[bool]
) -> None:
    replies.append(True)
    assert (await upgrade(installation)).revisions == ("0002",)


async def test_a_commit_that_was_lost_is_told(
    installation: Installation, target: URL, second: Path, replies: list[bool]
) -> None:
    replies.append(False)
    with pytest.raises(UpgradeError, match=r"was not committed: .*the connection is gone") as raised:
        await upgrade(installation)
    assert raised.value.undone
