"""What the daemon sustains: requests a second, and how long one takes, on PostgreSQL, over the real socket.

The daemon is a process of its own, as in production; clients are tasks of this one, which shares the processors with
it and with the server. Each request has a connection of its own, as the daemon has it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pwd
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import yaml
from sqlalchemy import URL, insert

from teleclaude.daemon.client import ask
from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.models import MemoryObservation, Session
from teleclaude.demo.postgres import running_server
from tests.support.house import NOW, row

OBSERVATIONS = 20_000
WORDS = ("deploy", "pipeline", "index", "vacuum", "socket", "lease", "needle")


@dataclass(frozen=True)
class Way:
    """A request to send many times; `path` and `body` are given its number."""

    name: str
    method: str
    path: Callable[[int], str]
    body: Callable[[int], Any] = lambda _: None


WAYS = (
    Way("health", "GET", lambda _: "/health"),
    Way("get one session", "GET", lambda n: f"/sessions/own-{n % 50}"),
    Way("list 50 sessions", "GET", lambda _: "/sessions?computer=desk"),
    Way("list 1000 sessions", "GET", lambda _: "/sessions?closed=true"),
    Way("search memory", "GET", lambda n: f"/api/memory/search?query={WORDS[n % len(WORDS)]}%20word{n % 997}"),
    Way(
        "hook intake",
        "POST",
        lambda _: "/hooks",
        lambda n: {"session_id": f"own-{n % 50}", "event_type": "tool_use", "payload": {"n": n, "text": "x" * 300}},
    ),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench daemon", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each kind of request (default: 5)")
    parser.add_argument("--clients", type=int, default=8, help="that ask at the same time (default: 8)")
    given = parser.parse_args()
    with running_server(os.environ) as server:
        asyncio.run(measure_all(server.url, given.seconds, given.clients))


async def measure_all(url: URL, seconds: float, clients: int) -> None:
    """Fill the database, run the daemon, and go every way."""
    await fill(url)
    print(f"{'':20}{'a second':>10}{'median ms':>11}{'p99 ms':>9}{'failed':>8}   ({clients} clients)")
    async with running(url) as socket:
        for way in WAYS:
            times, failed, took = await measure(socket, way, seconds, clients)
            slowest = quantiles(times, n=100)[98]
            print(
                f"{way.name:20}{len(times) / took:>10.0f}{median(times) * 1e3:>11.1f}{slowest * 1e3:>9.1f}{failed:>8}"
            )


async def measure(socket: Path, way: Way, seconds: float, clients: int) -> tuple[list[float], int, float]:
    """Return how long each request took, how many failed, and the time of all."""
    times: list[float] = []
    failed, number, begun = 0, 0, time.monotonic()

    async def ask_on() -> None:
        nonlocal failed, number
        while time.monotonic() < begun + seconds:
            number += 1
            sent = time.monotonic()
            failed += await request(socket, way, number) >= 400
            times.append(time.monotonic() - sent)

    await asyncio.gather(*(ask_on() for _ in range(clients)))
    return times, failed, time.monotonic() - begun


async def request(socket: Path, way: Way, number: int) -> int:
    """Send one request by hand, which costs the least, and return the status."""
    made = way.body(number)
    body = b"" if made is None else json.dumps(made).encode()
    head = f"{way.method} {way.path(number)} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_unix_connection(str(socket), limit=2**24)
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split(None, 2)[1])


@asynccontextmanager
async def running(url: URL) -> AsyncIterator[Path]:
    """Run the daemon on the database; we are a person there."""
    with tempfile.TemporaryDirectory(prefix="teleclaude-bench-") as folder:
        places = Path(folder) / "etc/teleclaude"
        places.mkdir(parents=True)
        config = {"agents": {}, "database": {"url": url.render_as_string(hide_password=False)}, "people": [me()]}
        (places / "config.yml").write_text(yaml.safe_dump(config))
        (places / "secrets.yml").write_text("{}\n")
        words = (sys.executable, "-m", "teleclaude", "daemon", "--root", folder)
        daemon = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.PIPE)
        assert daemon.stderr is not None
        await daemon.stderr.readline()
        socket = Path(folder) / "run/teleclaude/teleclaude.sock"
        try:
            await ask(socket, "/health")
            yield socket
        finally:
            daemon.terminate()
            await daemon.wait()


def me() -> dict[str, str]:
    """Return ourselves as a person of the configuration."""
    return {"name": "Ada", "email": "ada@example.com", "username": pwd.getpwuid(os.geteuid()).pw_name, "role": "admin"}


async def fill(url: URL) -> None:
    """Put 1000 sessions and the observations of a few years into the database."""
    texts = {"last_message_sent": "x" * 200, "last_output_raw": "y" * 500}
    sessions = [
        row(f"own-{n}", "Ada", os.geteuid(), **texts, computer_name="desk" if n < 50 else "attic") for n in range(1000)
    ]
    async with disposing(make_engine(url)) as engine, engine.begin() as connection:
        await connection.run_sync(schema.upgrade)
        await connection.execute(insert(Session), sessions)
        await connection.execute(insert(MemoryObservation), [observation(n) for n in range(OBSERVATIONS)])
    async with disposing(make_engine(url)) as engine, engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("VACUUM ANALYZE")


def observation(number: int) -> dict[str, Any]:
    """Return an observation of about a hundred words."""
    text = " ".join(f"{WORDS[(number + place) % len(WORDS)]} word{(number * 31 + place) % 5000}" for place in range(50))
    given = {"memory_session_id": "m", "project": "teleclaude", "type": "discovery", "title": f"number {number}"}
    return {**given, "narrative": text, "created_at": NOW, "created_at_epoch": number}


if __name__ == "__main__":
    main()
