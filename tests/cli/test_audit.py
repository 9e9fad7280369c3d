"""The audit log on the command line."""

import asyncio
import json
import os
import pwd
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from teleclaude.config.schema import Person
from teleclaude.db.models import AuditLog
from teleclaude.db.url import parse_url
from tests.support.command import on_a_terminal, teleclaude
from tests.support.house import NOW, opened


@pytest.fixture
async def root(tmp_path: Path) -> AsyncIterator[Path]:
    """Run a daemon below a root, whose audit log has a row of each of two days."""
    me = pwd.getpwuid(os.getuid()).pw_name
    ada = Person.model_validate({"name": "Ada", "email": "a@example.com", "username": me, "role": "admin"})
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        socket = Path(folder) / "run/teleclaude/teleclaude.sock"
        socket.parent.mkdir(parents=True)
        async with opened(parse_url(f"sqlite:///{tmp_path / 'x.db'}"), [ada], uid=os.getuid(), socket=socket) as house:
            async with house.engine.begin() as connection:
                for day in (1, 2):
                    row = {"actor_person": f"Bob {day}\x1b", "action_type": "read", "detail": {"day": day}}
                    await connection.execute(insert(AuditLog).values(**row, timestamp=NOW.replace(day=day)))
            yield Path(folder)


async def test_a_row_is_a_line_and_moments_choose_among_them(root: Path) -> None:
    asked = ("audit", "--root", str(root), "--since", "2026-03-01T00:00:00+0000", "--until", "2026-03-01T12:00:00+0000")
    done = await asyncio.to_thread(teleclaude, *asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == '2026-03-01 00:00:00\tBob 1\\x1b\tread\t\t{"day": 1}\n'


async def test_on_a_terminal_it_is_a_table_and_json_is_what_the_daemon_says(root: Path) -> None:
    said = await asyncio.to_thread(on_a_terminal, "audit", "--root", str(root), COLUMNS="120")
    assert "detail" in said.splitlines()[0]
    assert [line.strip()[:19] for line in said.splitlines()[1:]] == ["2026-03-02 00:00:00", "2026-03-01 00:00:00"]
    done = await asyncio.to_thread(teleclaude, "audit", "--root", str(root), "--json", "--limit", "1")
    assert [row["detail"] for row in json.loads(done.stdout)] == [{"day": 2}]
