"""Faults planted in a real installation: each is named, with its remedy, and nothing else is."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

import teleclaude.checks.look.daemon
import teleclaude.checks.look.database
from teleclaude.checks.facts import DatabaseFacts, Facts
from teleclaude.checks.look import look_at_installation
from teleclaude.checks.result import Result, State
from teleclaude.checks.table import CHECKS, judge
from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.lock import hold_database
from tests.support.command import teleclaude as run_teleclaude
from tests.support.sample import query
from tests.support.standing import Migrated

SECOND = '''"""A second revision, of the tests."""
revision, down_revision = "0002", "0001"
'''

NOT_RUNNING = {"places: logs", "socket", "service"}
"""What a trial without a daemon says besides."""


def leaves(results: tuple[Result, ...]) -> Iterator[tuple[str, Result]]:
    for result in results:
        for leaf in result.leaves():
            yield result.name if leaf is result else f"{result.name}: {leaf.name}", leaf


async def see(migrated: Migrated) -> Facts:
    return await look_at_installation(migrated.root, {}, sys.platform)


async def wrong(migrated: Migrated, change: Callable[[Facts], Facts] = lambda facts: facts) -> dict[str, Result]:
    """Return what does not pass, but for what is so in every trial that does not run."""
    found = dict(leaves(judge(change(await see(migrated)))))
    return {
        name: result
        for name, result in found.items()
        if result.state is not State.PASS and (name not in NOT_RUNNING or result.state is State.FAILURE)
    }


async def only(migrated: Migrated, name: str, state: State = State.FAILURE) -> tuple[str, str]:
    """Return sentence and remedy of the one thing that is wrong."""
    found = await wrong(migrated)
    serious = {key: result for key, result in found.items() if result.state is not State.SKIPPED}
    assert {key: result.state for key, result in serious.items()} == {name: state}
    return serious[name].problem.message, serious[name].problem.hint


def self_check(migrated: Migrated, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_teleclaude("self-check", "--root", str(migrated.root), *arguments)


@asynccontextmanager
async def daemon(migrated: Migrated) -> AsyncIterator[None]:
    command = [sys.executable, "-m", "teleclaude", "daemon", "--root", str(migrated.root)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        while not migrated.socket.exists():
            assert process.returncode is None, "the daemon ended"
            await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.wait()


async def test_nothing_is_wrong_with_a_migrated_installation_that_runs(migrated: Migrated) -> None:
    async with daemon(migrated):
        found = dict(leaves(judge(await see(migrated))))
    assert {name: result.state for name, result in found.items() if result.state is not State.PASS} == {
        "places: logs": State.SKIPPED,
        "service": State.SKIPPED,
    }
    assert found["sessions: listed"].problem.message == "a daemon booted for this check lists 20"
    assert "a daemon answers" in found["lock"].problem.message


async def test_without_a_daemon_nothing_fails_and_how_to_start_it_is_said(migrated: Migrated) -> None:
    assert await wrong(migrated) == {}
    found = dict(leaves(judge(await see(migrated))))
    assert found["socket"].state is State.WARNING
    assert found["socket"].problem.hint == f"teleclaude daemon --root {migrated.root}"


async def test_secrets_that_everyone_can_read(migrated: Migrated) -> None:
    migrated.secrets.chmod(0o644)
    sentence, remedy = await only(migrated, "layers: secrets")
    assert "mode 0644" in sentence
    assert remedy == f"chmod 0640 {migrated.secrets}"
    migrated.secrets.chmod(0o640)
    assert await wrong(migrated) == {}


async def test_a_configuration_that_others_can_write(migrated: Migrated) -> None:
    migrated.config.chmod(0o666)
    assert await only(migrated, "layers: system") == (
        f"{migrated.config} has the mode 0666, which lets others do more than 0644",
        f"chmod 0644 {migrated.config}",
    )


async def test_a_typo_in_the_configuration_is_named_with_its_line(migrated: Migrated) -> None:
    migrated.change(migrated.config, "agents:\n", "agents: [\n")
    sentence, remedy = await only(migrated, "layers: system")
    assert f"{migrated.config}" in sentence
    assert "line" in sentence
    assert f"teleclaude self-check --root {migrated.root}" in remedy


async def test_a_key_that_stands_in_both_files_is_named(migrated: Migrated) -> None:
    migrated.change(migrated.secrets, "environment:\n", "computer: {name: another}\nenvironment:\n")
    sentence, _ = await only(migrated, "layers: together", State.WARNING)
    assert "computer.name" in sentence
    assert "another" not in sentence


async def test_a_key_that_does_not_fit_is_named(migrated: Migrated) -> None:
    migrated.change(migrated.config, "role: admin", "role: emperor")
    sentence, _ = await only(migrated, "layers: together")
    assert "people.1.role" in sentence


@pytest.mark.parametrize("name", ["system", "secrets"])
async def test_a_missing_file(migrated: Migrated, name: str) -> None:
    path = migrated.config if name == "system" else migrated.secrets
    path.unlink()
    sentence, remedy = await only(migrated, f"layers: {name}")
    assert sentence == f"{path} is missing"
    assert f"teleclaude migrate-to-system --root {migrated.root}" in remedy


async def test_a_configuration_that_is_no_file_is_not_opened(migrated: Migrated) -> None:
    migrated.config.unlink()
    os.mkfifo(migrated.config)
    sentence, remedy = await only(migrated, "layers: system")
    assert "and not a file" in sentence
    assert "restore" in remedy


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_secrets_that_belong_to_somebody_else(migrated: Migrated) -> None:
    os.chown(migrated.secrets, 12345, -1)
    sentence, remedy = await only(migrated, "layers: secrets")
    assert "belongs to 12345 and not to root" in sentence
    assert remedy == f"chown root {migrated.secrets}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
async def test_secrets_of_another_group(migrated: Migrated) -> None:
    os.chown(migrated.secrets, -1, 12345)
    migrated.secrets.chmod(0o640)
    sentence, remedy = await only(migrated, "layers: secrets")
    assert "the group 12345 can read" in sentence
    assert remedy == f"chown root:root {migrated.secrets}"


async def test_a_server_that_is_down(migrated: Migrated) -> None:
    migrated.name_database(make_url("postgresql://teleclaude:x@127.0.0.1:1/x"))
    sentence, remedy = await only(migrated, "database: reachable")
    assert sentence.endswith("127.0.0.1:1/x: Connection refused")
    assert "check that the database server runs" in remedy
    assert str(migrated.config) in remedy


async def test_a_server_that_says_nothing_is_not_waited_for(
    migrated: Migrated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teleclaude.checks.look.database, "SECONDS", 0.3)
    silent = socket.create_server(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    migrated.name_database(make_url(f"postgresql://teleclaude:x@127.0.0.1:{port}/x"))
    sentence, _ = await only(migrated, "database: reachable")
    assert "gave no answer" in sentence
    silent.close()


async def test_a_wrong_password_is_named_and_not_shown(migrated: Migrated) -> None:
    migrated.change(migrated.secrets, str(migrated.target.password), "a-wrong-one")
    sentence, remedy = await only(migrated, "database: reachable")
    assert "password authentication failed" in sentence
    assert str(migrated.secrets) in remedy
    assert "a-wrong-one" not in sentence + remedy


async def test_a_secret_that_is_missing_is_named(migrated: Migrated) -> None:
    line = next(line for line in migrated.secrets.read_text().splitlines(keepends=True) if "SECRET_DATABASE" in line)
    migrated.change(migrated.secrets, line, "")
    name = line.partition(":")[0].strip()
    assert await only(migrated, "layers: together") == (
        f"database.url in {migrated.config} names ${{{name}}}, which is set nowhere",
        f"set {name} under environment in {migrated.secrets}, then: teleclaude self-check --root {migrated.root}",
    )


async def test_a_role_that_may_not_write(migrated: Migrated) -> None:
    role = f"reader_{migrated.target.database}"[:40]
    await query(migrated.target, f"CREATE ROLE {role} LOGIN PASSWORD 'reader'")
    try:
        await query(migrated.target, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        migrated.name_database(migrated.target.set(username=role, password="reader"))
        sentence, remedy = await only(migrated, "database: role")
        assert "may not read and write agent_availability, audit_log" in sentence
        assert f'OWNER TO "{role}"' in remedy
    finally:
        await query(migrated.target, f"DROP OWNED BY {role}")
        await query(migrated.target, f"DROP ROLE {role}")


async def test_a_schema_one_revision_old(migrated: Migrated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "r0002_second.py").write_text(SECOND)
    monkeypatch.setattr(schema, "VERSIONS", [*schema.VERSIONS, tmp_path])
    sentence, remedy = await only(migrated, "schema")
    assert sentence == "the database is at schema revision 0001, this program needs 0002"
    assert f"teleclaude upgrade --root {migrated.root}" in remedy


async def test_a_schema_that_is_ahead(migrated: Migrated) -> None:
    await query(migrated.target, "UPDATE alembic_version SET version_num = '9999'")
    sentence, remedy = await only(migrated, "schema")
    assert "9999, which this program does not know" in sentence
    assert remedy == "install the release of teleclaude that knows 9999"


async def test_a_database_without_our_tables(migrated: Migrated) -> None:
    await query(migrated.target, "DROP TABLE alembic_version")
    sentence, remedy = await only(migrated, "schema")
    assert "does not hold the tables" in sentence
    assert "teleclaude migrate-to-system" in remedy


async def test_a_migration_that_is_not_finished(migrated: Migrated) -> None:
    ((run,),) = await query(migrated.target, "UPDATE migration_runs SET state = 'pending' RETURNING run_id")
    sentence, remedy = await only(migrated, "migration")
    assert run in sentence
    assert "--resume finishes it, --undo takes it back" in remedy


async def test_somebody_else_who_holds_the_lock(migrated: Migrated) -> None:
    async with disposing(make_engine(migrated.target)) as engine, hold_database(engine):
        sentence, remedy = await only(migrated, "lock", State.WARNING)
    assert "holds the lock, and no daemon answers here" in sentence
    assert remedy.endswith(f"names any other: teleclaude daemon --root {migrated.root}")


async def test_a_daemon_that_serves_without_the_lock(migrated: Migrated) -> None:
    async with daemon(migrated):
        facts = await see(migrated)
    assert isinstance(facts.database, DatabaseFacts)
    found = dict(leaves(judge(replace(facts, database=replace(facts.database, holder=None)))))
    assert found["lock"].state is State.FAILURE


async def test_a_socket_that_a_killed_daemon_left(migrated: Migrated) -> None:
    migrated.socket.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(migrated.socket))
    sentence, remedy = await only(migrated, "socket")
    assert f"{migrated.socket} exists, and no working daemon answers there" in sentence
    assert remedy.startswith(f"teleclaude daemon --root {migrated.root}")


async def test_a_daemon_that_says_nothing_is_not_waited_for(
    migrated: Migrated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teleclaude.checks.look.daemon, "ANSWER_SECONDS", 0.3)
    migrated.socket.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(migrated.socket))
        silent.listen()
        sentence, _ = await only(migrated, "socket")
    assert "it did not answer" in sentence


async def test_a_folder_of_the_socket_that_everyone_can_change(migrated: Migrated) -> None:
    migrated.socket.parent.mkdir(parents=True)
    migrated.socket.parent.chmod(0o777)
    sentence, remedy = await only(migrated, "places: socket folder")
    assert "mode 0777" in sentence
    assert remedy == f"chmod 0755 {migrated.socket.parent}"


async def test_missing_docs(migrated: Migrated) -> None:
    (migrated.root / "usr/local/share/teleclaude/docs").rename(migrated.root / "docs")
    sentence, remedy = await only(migrated, "places: docs", State.WARNING)
    assert "there are no shared docs" in sentence
    assert remedy.startswith("install -d -m 0755")


async def test_sessions_that_are_gone(migrated: Migrated) -> None:
    await query(migrated.target, "TRUNCATE sessions CASCADE")
    sentence, remedy = await only(migrated, "sessions: stored", State.WARNING)
    assert "holds no session" in sentence
    assert Path(remedy.split()[-1]).exists()


async def test_sessions_of_somebody_unknown(migrated: Migrated) -> None:
    await query(migrated.target, "UPDATE sessions SET owner_person = 'Mallory'")
    sentence, remedy = await only(migrated, "sessions: owners", State.WARNING)
    assert sentence.startswith("sessions belong to Mallory")
    assert str(migrated.config) in remedy


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.parametrize(("megabytes", "state"), [(32, State.FAILURE), (100, State.WARNING)])
async def test_a_disk_that_is_nearly_full(migrated: Migrated, megabytes: int, state: State) -> None:
    folder = migrated.root / "var/lib/teleclaude"
    with small_disk(folder, megabytes):
        folder.chmod(0o750)
        sentence, remedy = await only(migrated, "disk: state", state)
    assert f"{megabytes} MB are free" in sentence
    assert remedy == f"make room there: df -h {folder}"


def test_json_is_one_document_and_the_exit_code_says_whether_something_failed(migrated: Migrated) -> None:
    done = self_check(migrated, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["ok"] is True
    assert [check["name"] for check in answer["checks"]] == [check.name for check in CHECKS]
    migrated.secrets.chmod(0o644)
    done = self_check(migrated, "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["ok"] is False


def test_people_get_a_tree_with_the_remedy_below_the_fault(migrated: Migrated) -> None:
    migrated.secrets.chmod(0o644)
    shown = self_check(migrated)
    assert f"✗ secrets: {migrated.secrets} has the mode 0644" in shown.stdout
    assert f"    → chmod 0640 {migrated.secrets}\n" in shown.stdout
    assert shown.stdout.splitlines()[-1].endswith(", 1 failed")
    assert "\x1b" not in shown.stdout


async def test_a_name_from_the_database_cannot_command_the_terminal(migrated: Migrated) -> None:
    await query(migrated.target, "UPDATE sessions SET owner_person = E'\\x1b[2JMallory'")
    assert "\\x1b[2JMallory" in self_check(migrated).stdout


async def test_no_secret_is_shown_whatever_is_wrong(migrated: Migrated) -> None:
    values = [line.partition(": ")[2] for line in migrated.secrets.read_text().splitlines() if ": " in line]
    hidden = [value for value in values if len(value) > 6]
    assert str(migrated.target.password) in hidden
    said = self_check(migrated).stdout + self_check(migrated, "--json").stdout
    migrated.secrets.write_text("environment: {\n" + migrated.secrets.read_text())
    said += self_check(migrated).stdout
    migrated.change(migrated.config, "${TELECLAUDE_SECRET_DATABASE}", "clear-password")
    said += self_check(migrated).stdout
    assert [value for value in [*hidden, "clear-password"] if value in said] == []


async def test_a_check_changes_nothing(migrated: Migrated) -> None:
    def state() -> dict[str, tuple[int, int, float]]:
        found = {str(path): path.stat() for path in migrated.root.rglob("*")}
        return {path: (stat.st_mode, stat.st_size, stat.st_mtime) for path, stat in found.items()}

    before = state(), await query(migrated.target, "SELECT * FROM sessions ORDER BY session_id")
    await see(migrated)
    assert (state(), await query(migrated.target, "SELECT * FROM sessions ORDER BY session_id")) == before
