"""Asking a daemon, as `teleclaude sessions` does."""

from pathlib import Path

import pytest
from aiohttp import web
from sqlalchemy import URL

import teleclaude.daemon.client
from teleclaude.daemon.boot import SINGLE_USER_SOCKET
from teleclaude.daemon.client import ask, list_sessions
from teleclaude.errors import TeleClaudeError
from teleclaude.layout import make_layout
from teleclaude.platform.names import HERE, names_of
from tests.support.house import opened, put_sessions, row


async def test_all_sessions_are_listed_a_page_at_a_time(target: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teleclaude.daemon.client, "PAGE", 2)
    async with opened(target) as house:
        assert await list_sessions(house.socket, closed=True) == []
        await put_sessions(house, *(row(f"a b&{number}", "Ada", 0) for number in range(4)))
        listed = await list_sessions(house.socket, closed=True)
    assert [session["session_id"] for session in listed] == [f"a b&{number}" for number in range(4)]


async def test_a_daemon_that_says_the_same_page_again_is_not_asked_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response([{"session_id": "s"}])

    monkeypatch.setattr(teleclaude.daemon.client, "PAGE", 1)
    app = web.Application()
    app.router.add_get("/sessions", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "s")).start()
    with pytest.raises(TeleClaudeError, match="changed while it was read"):
        await list_sessions(tmp_path / "s", closed=False)
    await runner.cleanup()


@pytest.mark.parametrize(
    ("socket", "start"),
    [
        (make_layout(HERE).socket, names_of(HERE).our(names_of(HERE).commands.start)),
        (make_layout(HERE, Path("/my trial")).socket, "teleclaude daemon --root '/my trial'"),
        (SINGLE_USER_SOCKET, "teleclaude daemon"),
    ],
)
async def test_a_daemon_that_does_not_run_is_started_as_the_installation_needs(socket: Path, start: str) -> None:
    if socket.exists():
        pytest.skip("a daemon runs here")
    with pytest.raises(TeleClaudeError) as caught:
        await ask(socket, "/health")
    assert caught.value.problem.hint == f"start it: {start}"


async def test_asking_a_daemon_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TeleClaudeError, match="no daemon answers"):
        await ask(tmp_path / "no.sock", "/health")
