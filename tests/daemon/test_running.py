"""The daemon as systemd runs it: readiness, its log, a database that goes away and comes back."""

import asyncio
import json
import os
import pwd
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL, text

from teleclaude.config.schema import Person, make_settings
from teleclaude.daemon.boot import Installation, boot
from teleclaude.daemon.client import ask
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.lock import ADVISORY_KEY
from teleclaude.errors import TargetError, TeleClaudeError
from tests.crash.machine import own_server
from tests.support.house import account_names, as_root, opened, put_sessions, row

SECRET = "hunter2-and-more"


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@asynccontextmanager
async def running(root: Path, url: URL, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the daemon below `root` on the database, and wait until it listens."""
    places = root / "etc/teleclaude"
    places.mkdir(parents=True)
    database = {"url": url.render_as_string(hide_password=False)}
    (places / "config.yml").write_text(yaml.safe_dump({"agents": {"default": "claude"}, "database": database}))
    (places / "secrets.yml").write_text(yaml.safe_dump({"environment": {"OPENAI_API_KEY": SECRET}}))
    words = (sys.executable, "-m", "teleclaude", "daemon", "--root", str(root))
    pipe = asyncio.subprocess.PIPE
    daemon = await asyncio.create_subprocess_exec(*words, stderr=pipe, env={**os.environ, **environ})
    assert daemon.stderr is not None
    line = await asyncio.wait_for(daemon.stderr.readline(), 30)
    assert b"listening" in line, line + await daemon.stderr.read()
    try:
        yield daemon
    finally:
        if daemon.returncode is None:
            daemon.terminate()
            await daemon.wait()


def place(root: Path) -> Path:
    return root / "run/teleclaude/teleclaude.sock"


async def until(root: Path, good: bool, seconds: float = 30.0) -> str:
    """Ask until the daemon answers well, or does not; return what it said."""
    for _ in range(int(seconds * 20)):
        try:
            await ask(place(root), "/sessions")
            said, answered = "", True
        except TeleClaudeError as error:
            said, answered = error.problem.message, False
        if answered == good:
            return said
        await asyncio.sleep(0.05)
    raise AssertionError(said)


@pytest.mark.parametrize("prefix", ["", "@"])
async def test_systemd_is_told_when_it_is_ready_lives_and_stops(root: Path, target: URL, prefix: str) -> None:
    name = f"@{root}/notify" if prefix else str(root / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if prefix else name)
        manager.settimeout(20)
        async with running(root, target, NOTIFY_SOCKET=name, WATCHDOG_USEC="400000") as daemon:
            assert await asyncio.to_thread(manager.recv, 100) == b"READY=1"
            await ask(place(root), "/health")
            assert [await asyncio.to_thread(manager.recv, 100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            daemon.terminate()
            assert await daemon.wait() == 0
        manager.setblocking(False)
        said = [manager.recv(100)]
        while said[-1] != b"STOPPING=1":
            said.append(manager.recv(100))


async def test_its_log_is_json_lines_without_values(root: Path, target: URL) -> None:
    async with running(root, target, TELECLAUDE_LOG_LEVEL="debug") as daemon:
        await ask(place(root), f"/sessions?computer={SECRET}", {"X-Caller-Session-Id": SECRET})
        with pytest.raises(TeleClaudeError):
            await ask(place(root), f"/sessions/{SECRET}", {"X-Session-Token": SECRET})
        with pytest.raises(TeleClaudeError):
            await ask(place(root), f"/{SECRET}")
        daemon.terminate()
        assert daemon.stderr is not None
        log = (await daemon.stderr.read()).decode()
    lines = [json.loads(line) for line in log.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/sessions", 200),
        ("/sessions/{session_id}", 401),
        (None, 404),
    ]
    assert all({"time", "level", "logger"} <= set(line) for line in lines)
    assert SECRET not in log
    assert str(target.password) not in log


async def test_it_survives_a_restart_of_postgresql_and_answers_nothing_meanwhile(root: Path) -> None:
    with own_server() as server:
        async with running(root, server.url) as daemon:
            await until(root, good=True)
            await asyncio.to_thread(server.stop)
            assert await until(root, good=False) == "the daemon has lost its lock on the database"
            await asyncio.to_thread(server.start)
            await until(root, good=True)
            assert daemon.returncode is None
            async with disposing(make_engine(server.url)) as engine, engine.connect() as connection:
                held = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
                assert await connection.scalar(held) == 1


async def test_it_waits_for_the_promotion_of_a_standby_and_answers_nothing_meanwhile(root: Path) -> None:
    with own_server() as server:
        async with running(root, server.url) as daemon:
            await asyncio.to_thread(server.stop)
            (server.folder / "data/standby.signal").touch()
            await asyncio.to_thread(server.start)
            for _ in range(20):
                with pytest.raises(TeleClaudeError, match="has lost its lock"):
                    await ask(place(root), "/sessions")
                await asyncio.sleep(0.1)
            async with disposing(make_engine(server.url)) as engine, engine.connect() as connection:
                assert await connection.scalar(text("SELECT pg_promote()"))
            await until(root, good=True)
            assert daemon.returncode is None


async def test_it_does_not_begin_to_serve_on_a_standby() -> None:
    with own_server() as server:
        await asyncio.to_thread(server.stop)
        (server.folder / "data/standby.signal").touch()
        await asyncio.to_thread(server.start)
        installation = Installation(
            make_settings({"agents": {"default": "claude"}}, "the test"), server.url, Path(), None
        )
        with pytest.raises(TargetError, match="the server is a standby, which takes no writes"):
            async with boot(installation):
                pass


async def test_it_never_answers_without_its_lock(root: Path, target: URL) -> None:
    async with running(root, target), disposing(make_engine(target)) as engine, engine.connect() as thief:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        await thief.execute(
            text(f"{cut} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
        )
        await thief.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_KEY})
        for _ in range(20):
            with pytest.raises(TeleClaudeError, match="has lost its lock"):
                await ask(place(root), "/sessions")
        await thief.rollback()
        await thief.invalidate()
        await until(root, good=True)


async def test_it_stops_where_a_migration_came_while_it_did_not_hold_the_database(root: Path, target: URL) -> None:
    async with running(root, target) as daemon:
        async with disposing(make_engine(target)) as engine, engine.begin() as thief:
            await thief.execute(
                text(
                    "INSERT INTO migration_runs (run_id, state, source, source_sha256) VALUES ('r', 'pending', '', '')"
                )
            )
            await thief.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                )
            )
        assert await asyncio.wait_for(daemon.wait(), 20) == 3
        assert daemon.stderr is not None
        assert b"is not finished" in await daemon.stderr.read()


TELECLAUDE = """
import os, sys
from teleclaude.cli import main, sessions
uid, sys.argv[1:] = int(sys.argv[1]), sys.argv[2:]
os.setgroups([]); os.setgid(65534); os.setuid(uid)
main()
"""


async def teleclaude_sessions(uid: int, root: Path) -> tuple[int | None, str, str]:
    words = (sys.executable, "-c", TELECLAUDE, str(uid), "sessions", "--json", "--closed", "--root", str(root))
    pipe = asyncio.subprocess.PIPE
    client = await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=pipe)
    stdout, stderr = await client.communicate()
    return client.returncode, stdout.decode(), stderr.decode()


@as_root
async def test_the_command_gives_an_administrator_a_member_and_a_stranger_what_is_theirs(
    root: Path, target: URL
) -> None:
    uids = [pwd.getpwnam(name).pw_uid for name in account_names()[:3]]
    people = [
        Person.model_validate({"name": name, "email": "x@example.com", "username": account, "role": role})
        for name, account, role in zip(("Ada", "Bob"), account_names(), ("admin", "member"), strict=False)
    ]
    place(root).parent.mkdir(parents=True)
    async with opened(target, people, uid=990, socket=place(root)) as house:
        await put_sessions(house, row("ada's", "Ada", uids[0]), row("bob's", "Bob", uids[1]))
        code, stdout, stderr = await teleclaude_sessions(uids[0], root)
        assert (code, {session["session_id"] for session in json.loads(stdout)}) == (0, {"ada's", "bob's"}), stderr
        code, stdout, _ = await teleclaude_sessions(uids[1], root)
        assert (code, [session["session_id"] for session in json.loads(stdout)]) == (0, ["bob's"])
        code, stdout, stderr = await teleclaude_sessions(uids[2], root)
    assert (code, stdout) == (3, "")
    assert stderr.startswith(f"teleclaude: no person in the configuration has the username {account_names()[2]}\n  → ")
