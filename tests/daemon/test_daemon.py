"""The daemon as a real process on a real database."""

import asyncio
import json
import os
import signal
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import URL

from teleclaude.cli import cli
from teleclaude.daemon.boot import SINGLE_USER_SOCKET, boot, find_installation
from teleclaude.daemon.client import ask
from teleclaude.daemon.serve import listening
from teleclaude.demo.installation import make_installation
from teleclaude.errors import BootRefusedError
from tests.support.command import teleclaude
from tests.support.daemon import running
from tests.support.sample import query
from tests.support.standing import Migrated

FIELDS = [
    "session_id",
    "last_input_origin",
    "title",
    "project_path",
    "subdir",
    "thinking_mode",
    "active_agent",
    "status",
    "created_at",
    "last_activity",
    "closed_at",
    "last_input",
    "last_input_at",
    "last_output_summary",
    "last_output_summary_at",
    "last_output_digest",
    "native_session_id",
    "tmux_session_name",
    "initiator_session_id",
    "computer",
    "human_email",
    "human_role",
    "visibility",
    "session_metadata",
    "cut",
]


def refused(*arguments: str) -> str:
    """Return what a daemon says that does not start."""
    done = teleclaude("daemon", *arguments)
    assert done.returncode == 3
    return done.stderr


@pytest.fixture
def root(migrated: Migrated) -> Path:
    return migrated.root


@pytest.fixture
def target(migrated: Migrated) -> URL:
    return migrated.target


def socket(root: Path) -> Path:
    return root / "run/teleclaude/teleclaude.sock"


async def test_it_says_that_it_is_there(root: Path) -> None:
    async with running(root):
        assert await ask(socket(root), "/health") == {"status": "ok"}


async def test_a_path_too_long_for_a_socket_is_refused_in_a_sentence(root: Path) -> None:
    deep = root.rename(root.with_name("d" * 90))
    said = refused("--root", str(deep))
    deep.rename(root)
    assert "teleclaude.sock is longer than the 103 bytes that a socket's path may have" in said


async def test_it_lists_sessions_with_the_fields_of_the_old_daemon(root: Path) -> None:
    async with running(root):
        sessions = await ask(socket(root), "/sessions?closed=true")
    assert len(sessions) == 20
    assert list(sessions[0]) == FIELDS
    assert all(session["created_at"].endswith("+00:00") for session in sessions)


async def test_a_caller_sees_the_sessions_that_it_initiated_unless_it_asks_for_all(root: Path, target: URL) -> None:
    await query(
        target, "UPDATE sessions SET initiator_session_id = 'me', closed_at = NULL, lifecycle_status = 'active'"
    )
    await query(
        target,
        "UPDATE sessions SET initiator_session_id = 'x' WHERE session_id IN (SELECT session_id FROM sessions LIMIT 7)",
    )
    async with running(root):
        assert len(await ask(socket(root), "/sessions", {"X-Caller-Session-Id": "me"})) == 13
        assert len(await ask(socket(root), "/sessions?all=true", {"X-Caller-Session-Id": "me"})) == 20


async def test_anybody_may_connect_to_the_system_and_reach_its_socket(root: Path) -> None:
    async with running(root):
        assert stat.S_IMODE(socket(root).stat().st_mode) == 0o666
        assert stat.S_IMODE(socket(root).parent.stat().st_mode) == 0o755


async def test_it_stops_cleanly_on_sigterm(root: Path) -> None:
    async with running(root) as daemon:
        daemon.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(daemon.wait(), 20) == 0
    assert not socket(root).exists()


async def test_a_second_one_is_refused(root: Path) -> None:
    async with running(root):
        said = await asyncio.to_thread(refused, "--root", str(root))
    assert "another daemon or migration" in said


async def test_it_comes_back_after_it_was_killed(root: Path) -> None:
    async with running(root) as daemon:
        daemon.kill()
        await daemon.wait()
    assert socket(root).exists()
    async with running(root):
        assert await ask(socket(root), "/health") == {"status": "ok"}


async def test_it_does_not_serve_while_a_migration_is_pending(root: Path, target: URL) -> None:
    await query(target, "UPDATE migration_runs SET state = 'pending'")
    assert "is not finished" in refused("--root", str(root))


async def test_it_does_not_serve_another_schema(root: Path, target: URL) -> None:
    await query(target, "UPDATE alembic_version SET version_num = '9999'")
    assert "9999" in refused("--root", str(root))


def probed(root: Path, searches: str = "[]") -> tuple[int, dict[str, object]]:
    (root / "searches").write_text(searches)
    done = teleclaude("daemon", "--probe", "--searches", str(root / "searches"), "--root", str(root))
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


async def test_a_probe_gives_its_verdict(root: Path) -> None:
    code, verdict = probed(root)
    assert code == 0
    assert verdict["ok"] is True
    assert verdict["backend"] == "postgresql"
    assert verdict["schema_revision"] == "0001"
    assert isinstance(verdict["counts"], dict)
    assert verdict["counts"]["sessions"] == 20
    assert isinstance(verdict["all_sessions"], list)
    assert len(verdict["all_sessions"]) == 20
    assert verdict["problems"] == []


async def test_a_probe_runs_the_searches_that_it_is_asked(root: Path, target: URL) -> None:
    ((newest,),) = await query(target, "SELECT max(id) FROM mirrors")
    await query(target, f"UPDATE mirrors SET conversation_text = 'a needle' WHERE id = {newest}")
    _, verdict = probed(root, '[{"table": "mirrors", "text": "NEEDLE"}, {"table": "mirrors", "text": "hay"}]')
    assert verdict["searches"] == [[newest], []]


@pytest.mark.parametrize("searches", [b"{", b"[1]", b'[{"table": "sessions", "text": "x"}]', b'{"table": 1}', b"[[1]]"])
def test_a_probe_refuses_searches_that_are_none(searches: bytes) -> None:
    refused = CliRunner().invoke(cli, ["daemon", "--probe", "--searches", "-"], input=searches)
    assert (refused.exit_code, refused.stdout) == (2, "")


async def test_a_probe_works_beside_a_running_daemon(root: Path) -> None:
    async with running(root):
        assert (await asyncio.to_thread(probed, root))[0] == 0


async def test_a_probe_works_where_the_folder_of_temporary_files_is_deep(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    assert probed(root)[0] == 0


async def test_a_probe_changes_nothing(root: Path, target: URL) -> None:
    await query(target, "DROP TABLE alembic_version")
    code, verdict = probed(root)
    assert code == 3
    assert verdict["ok"] is False
    assert await query(target, "SELECT to_regclass('alembic_version')") == [(None,)]


async def test_a_probe_says_what_is_wrong_and_what_to_do(root: Path, target: URL) -> None:
    (root / "etc/teleclaude/secrets.yml").write_text("{}\n")
    code, verdict = probed(root)
    assert code == 3
    assert isinstance(verdict["problems"], list)
    assert set(verdict["problems"][0]) == {"message", "hint"}


async def test_a_single_user_installation_without_a_database_gets_one(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("agents: {default: claude}\n")
    environ = {"TELECLAUDE_CONFIG_PATH": str(tmp_path / "none"), "TELECLAUDE_SECRETS_PATH": str(tmp_path / "none")}
    installation = find_installation(None, environ, tmp_path)
    assert installation.socket == SINGLE_USER_SOCKET
    async with boot(installation) as daemon, listening(daemon.service, tmp_path / "api.sock"):
        assert (tmp_path / "teleclaude.pid").read_text() == f"{os.getpid()}\n"
        assert stat.S_IMODE((tmp_path / "api.sock").stat().st_mode) == 0o600
        assert await ask(tmp_path / "api.sock", "/sessions") == []
    assert (tmp_path / "teleclaude.db").exists()
    assert not (tmp_path / "teleclaude.pid").exists()


async def test_the_database_of_an_old_program_is_not_touched(tmp_path: Path) -> None:
    sample = make_installation(tmp_path, sessions=3)
    installation = find_installation(None, {"TELECLAUDE_CONFIG_PATH": str(tmp_path / "none")}, sample.checkout)
    with pytest.raises(BootRefusedError, match="does not hold the tables"):
        async with boot(installation):
            pass
