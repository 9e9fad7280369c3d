"""The list of sessions: a table for whoever looks at a terminal, lines for whatever reads a pipe."""

import asyncio
import os
import pwd
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from teleclaude.config.schema import Person
from tests.support.command import on_a_terminal, teleclaude
from tests.support.house import opened, put_sessions, row

IDS = ("54c31067-bda5-4a1e-9b62-0c1f2d3e4a5b", "54c31067-bda5-4a1e-9b62-0c1f2d3e4a5c")
TITLE = "a title that is longer than a line of eighty columns can be, because agents like to say all of it"


@pytest.fixture
async def root(target: URL) -> AsyncIterator[Path]:
    """Run a daemon with two sessions of ours below a root."""
    me = pwd.getpwuid(os.getuid()).pw_name
    ada = Person.model_validate({"name": "Ada", "email": "a@example.com", "username": me, "role": "admin"})
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        socket = Path(folder) / "run/teleclaude/teleclaude.sock"
        socket.parent.mkdir(parents=True)
        async with opened(target, [ada], uid=os.getuid(), socket=socket) as house:
            titles = {IDS[0]: TITLE, IDS[1]: "a\tb\x9b2J"}
            await put_sessions(house, *(row(name, "Ada", os.getuid(), title=titles[name]) for name in IDS))
            yield Path(folder)


async def test_in_a_pipe_each_session_is_a_line_with_all_of_it(root: Path) -> None:
    done = await asyncio.to_thread(teleclaude, "sessions", "--root", str(root), COLUMNS="40")
    assert done.returncode == 0, done.stderr
    assert {tuple(line.split("\t")[:2]) for line in done.stdout.splitlines()} == {
        (IDS[0], TITLE),
        (IDS[1], "a\\x09b\\x9b2J"),
    }


async def test_on_a_terminal_they_are_a_table(root: Path) -> None:
    said = await asyncio.to_thread(on_a_terminal, "sessions", "--root", str(root), COLUMNS="120")
    assert "last activity" in said.splitlines()[0]
    assert said.splitlines()[-1] == "2 sessions"


async def test_json_does_not_work_on_the_terminal(root: Path) -> None:
    done = await asyncio.to_thread(teleclaude, "sessions", "--json", "--root", str(root))
    assert TITLE in done.stdout
    assert "\x9b" not in done.stdout
