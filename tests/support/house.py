"""A daemon's API on a real socket, on either database, and real users who call it."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import URL, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.config.schema import Computer, Person, Settings
from teleclaude.daemon.serve import SYSTEM_MODE, listening
from teleclaude.daemon.service import Service
from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.models import Session

NOW = datetime(2026, 3, 15, tzinfo=UTC)

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become other users")

CLIENT = """
import http.client, json, os, socket, sys
uid, path, requests = int(sys.argv[1]), sys.argv[2], json.load(sys.stdin)
if uid != os.geteuid():
    os.setgroups([]); os.setgid(65534); os.setuid(uid)
class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)
answers = []
for method, target, headers, body in requests:
    connection = Connection("teleclaude", timeout=60)
    connection.request(method, target, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    answers.append([answer.status, json.loads(answer.read())])
    connection.close()
print(json.dumps(answers))
"""

Reply = tuple[int, Any]
Request = tuple[str, str, dict[str, str], Any]


def account_names() -> list[str]:
    """Return accounts of this machine without privileges, which people of the tests have."""
    ours = {0, os.geteuid()}
    return sorted(
        account.pw_name for account in pwd.getpwall() if account.pw_uid not in ours and account.pw_uid < 60000
    )


@dataclass(frozen=True)
class House:
    """A running API."""

    engine: AsyncEngine
    service: Service
    socket: Path
    url: URL

    async def ask_all(self, uid: int, requests: Sequence[Request]) -> list[Reply]:
        """Send requests one after the other as the user with a number, in a process of its own."""
        words = (sys.executable, "-I", "-S", "-c", CLIENT, str(uid), str(self.socket))
        pipe = asyncio.subprocess.PIPE
        client = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
        stdout, _ = await client.communicate(json.dumps(requests).encode())
        return [(status, body) for status, body in json.loads(stdout)]

    async def ask(self, method: str, path: str, body: Any = None, *, uid: int | None = None, **headers: str) -> Reply:
        """Send one request; as ourselves, unless another user is said."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if uid is not None:
            (reply,) = await self.ask_all(uid, [(method, path, named, body)])
            return reply
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket))) as session,
            session.request(method, f"http://teleclaude{path}", json=body, headers=named) as answer,
        ):
            return answer.status, await answer.json()


@asynccontextmanager
async def opened(
    url: URL, people: Sequence[Person] = (), socket: Path | None = None, **service: Any
) -> AsyncIterator[House]:
    """Make the schema in an empty database and answer from it."""
    settings = Settings(agents={}, people=tuple(people), computer=Computer(name="workshop"))
    async with disposing(make_engine(url)) as engine:
        async with engine.begin() as connection:
            await connection.run_sync(schema.upgrade)
        with tempfile.TemporaryDirectory(prefix="tc-") as folder:
            Path(folder).chmod(0o755)
            house = House(engine, Service(engine, settings, **service), socket or Path(folder) / "api.sock", url)
            async with listening(house.service, house.socket, SYSTEM_MODE):
                yield house


def row(name: str, person: str, uid: int, **values: Any) -> dict[str, Any]:
    """Return an open session."""
    given = {"session_id": name, "computer_name": "workshop", "owner_person": person, "owner_uid": uid}
    return {**given, "lifecycle_status": "active", "last_activity": NOW, "visibility": "private", **values}


async def put_sessions(house: House, *rows: dict[str, Any]) -> None:
    """Put sessions into the database."""
    async with house.engine.begin() as connection:
        for each in rows:
            await connection.execute(insert(Session).values(each))


async def read(house: House, statement: Any) -> list[tuple[Any, ...]]:
    """Return what the database says."""
    async with house.engine.connect() as connection:
        return [tuple(found) for found in await connection.execute(statement)]
