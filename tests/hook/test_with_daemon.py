"""Hooks and a real daemon that is killed in between: no event is lost, and none is there twice."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import URL, text

from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from tests.support.daemon import running


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        yield Path(folder)


def configure(root: Path, url: URL) -> None:
    places = root / "etc/teleclaude"
    places.mkdir(parents=True)
    database = {"url": url.render_as_string(hide_password=False)}
    (places / "config.yml").write_text(yaml.safe_dump({"agents": {"default": "claude"}, "database": database}))
    (places / "secrets.yml").write_text(yaml.safe_dump({}))


async def run_hook(root: Path, *words: str, **payload: Any) -> bytes:
    command = (sys.executable, "-m", "teleclaude", "hook", "--root", str(root), *words)
    environ = {name: value for name, value in os.environ.items() if name != "TMUX"}
    environ["XDG_STATE_HOME"] = str(root / "state")
    pipe = asyncio.subprocess.PIPE
    hook = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environ)
    out, err = await hook.communicate(json.dumps(payload).encode() if payload else None)
    assert (hook.returncode, err) == (0, b"")
    return out


async def tell(root: Path, number: int) -> None:
    await run_hook(root, "--agent", "claude", "tool_use", session_id="n", number=number)


async def test_what_happens_while_the_daemon_is_killed_arrives_once_and_in_order(root: Path, target: URL) -> None:
    configure(root, target)
    async with disposing(make_engine(target)) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(schema.upgrade)
        async with running(root) as daemon:
            await run_hook(root, "--agent", "claude", "session_start", session_id="n", number=0)
            for number in range(1, 12):
                if number == 4:
                    daemon.kill()
                await tell(root, number)
        async with running(root):
            # More than one call, because each sends what its time allows.
            await tell(root, 12)
            assert b" 0 waiting" in await run_hook(root, "--flush")
            events = "SELECT (payload->>'number')::int, session_id FROM hook_outbox ORDER BY created_at"
            async with engine.connect() as connection:
                numbers, sessions = zip(*await connection.execute(text(events)), strict=True)
            assert list(numbers) == list(range(13))
            assert len(set(sessions)) == 1


async def test_a_codex_turn_and_what_is_remembered_of_a_project(root: Path, target: URL) -> None:
    configure(root, target)
    async with disposing(make_engine(target)) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(schema.upgrade)
            await connection.execute(
                text(
                    "INSERT INTO memory_observations (memory_session_id, project, type, title, created_at,"
                    " created_at_epoch) VALUES ('m', 'größe', 'gotcha', 'It moves', now(), 1)"
                )
            )
        async with running(root):
            turn = {"type": "agent-turn-complete", "thread-id": "t", "last-assistant-message": "done"}
            assert await run_hook(root, "--agent", "codex", json.dumps(turn)) == b""
            await run_hook(root, "--flush")
            # The answer may come too late on a busy machine, and what is printed then is nothing.
            for _ in range(20):
                if said := await run_hook(root, "--agent", "claude", "session_start", session_id="n", cwd="/a/größe"):
                    break
        context = json.loads(said)["hookSpecificOutput"]["additionalContext"]
        assert "- #1 gotcha: It moves (" in context
        async with engine.connect() as connection:
            found = await connection.execute(text("SELECT active_agent, native_session_id FROM sessions"))
            assert ("codex", "t") in [tuple(row) for row in found]
