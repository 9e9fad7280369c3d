"""A server that falls silent is given up, one that works is waited for."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import URL, text

from teleclaude.db import keepalive, lock, retry, watch
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.watch import Activity, is_alive, watched
from tests.support.silence import Silence

LONG = "SELECT pg_sleep(1.5)"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (watch, lock, retry):
        monkeypatch.setattr(module, "SILENT_SECONDS", 0.6)
    monkeypatch.setattr(watch, "ASK_SECONDS", 0.1)


@pytest.fixture
async def network(target: URL) -> AsyncIterator[Silence]:
    async with Silence.before(target) as network:
        yield network


async def test_a_long_statement_is_waited_for(short: None, network: Silence) -> None:
    async with disposing(make_engine(network.url)) as engine, watched(engine) as connection:
        await connection.execute(text(LONG))


async def test_a_statement_on_a_silent_network_is_given_up(short: None, network: Silence) -> None:
    async with asyncio.timeout(10), disposing(make_engine(network.url)) as engine:
        with pytest.raises(TimeoutError):
            async with watched(engine) as connection:
                await connection.execute(text("SELECT 1"))
                network.silent = True
                await connection.execute(text(LONG))


async def test_a_lost_reply_is_given_up_although_others_are_answered(short: None, network: Silence) -> None:
    async with asyncio.timeout(10), disposing(make_engine(network.url)) as engine:
        with pytest.raises(TimeoutError):
            async with watched(engine) as connection:
                await connection.execute(text("SELECT 1"))
                network.silence_so_far()
                await connection.execute(text("SELECT 2"))


async def test_an_interrupt_ends_a_statement_on_a_silent_network(network: Silence) -> None:
    async def work() -> None:
        async with disposing(make_engine(network.url)) as engine, watched(engine) as connection:
            network.silent = True
            await connection.execute(text(LONG))

    task = asyncio.create_task(work())
    await asyncio.sleep(0.5)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=8)
    assert done
    assert task.cancelled()


async def test_a_connection_has_keep_alives_on_both_sides(network: Silence) -> None:
    url = network.url.update_query_dict({"keepalives_idle": "7"})
    async with disposing(make_engine(url)) as engine, engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        end = driver._transport.get_extra_info("socket")
        assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


async def test_the_server_is_told_the_same_limits() -> None:
    said: list[str] = []
    limits = {"keepalives_idle": 7, "tcp_user_timeout": 9}

    class Recorder:
        def __init__(self, end: socket.socket) -> None:
            self._transport = self
            self.get_extra_info = lambda _name: end

        async def execute(self, statement: str, timeout: float) -> None:
            said.append(statement)

    with socket.socket() as end:
        recorder: Any = Recorder(end)
        await keepalive.keep_alive(recorder, limits, {"tcp_user_timeout"})
    assert said == ["SET tcp_keepalives_idle = 7"]


@pytest.mark.parametrize(
    ("now", "waiting", "alive"),
    [
        (None, False, False),
        (Activity("active", None), True, True),
        (Activity("active", "SyncRep"), False, True),
        (Activity("active", "ClientRead", copied=8), False, True),
        (Activity("active", "ClientRead", copied=7), False, False),
        (Activity("idle in transaction", "ClientRead"), False, True),
    ],
)
def test_a_server_process_lives_where_it_works_or_gets_on(now: Activity | None, waiting: bool, alive: bool) -> None:
    assert is_alive(Activity("active", "ClientRead", copied=7), now, waiting=waiting) is alive


def test_a_process_that_waits_for_us_while_we_wait_for_it_has_lost_something() -> None:
    idle = Activity("idle in transaction", "ClientRead")
    assert not is_alive(idle, idle, waiting=True)
