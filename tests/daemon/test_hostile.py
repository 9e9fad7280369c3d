"""Clients that are slow, greedy or broken leave the daemon running and answering everybody else."""

import asyncio
import gzip
import json
import pwd
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from teleclaude.config.schema import Person
from teleclaude.daemon import api, connection
from teleclaude.daemon.connection import MOST_CONNECTIONS
from teleclaude.db.url import parse_url
from tests.support.house import House, account_names, as_root, opened, put_sessions, row

SECONDS = 1.0
POST = b"POST /hooks HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(connection, "CONNECTION_SECONDS", SECONDS)
    ada = Person(name="Ada", email="ada@example.com", username=account_names()[0])
    async with opened(parse_url(f"sqlite:///{tmp_path / 'x.db'}"), [ada]) as house:
        yield house
        assert await house.ask("GET", "/health") == (200, {"status": "ok"})


async def send(house: House, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send the parts, one after the other, and return what comes until the connection ends."""
    reader, writer = await asyncio.open_unix_connection(str(house.socket))
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        return await asyncio.wait_for(reader.read(), 20)
    except ConnectionError:
        return b""
    finally:
        writer.close()


def sentence(said: bytes) -> tuple[int, str]:
    """Return the status and the error of an answer, which must be in the form of every failure."""
    head, _, body = said.partition(b"\r\n\r\n")
    answer = json.loads(body)
    assert set(answer) == {"error", "hint", "detail"}
    assert b"Traceback" not in body
    return int(head.split()[1]), answer["error"]


def with_body(body: bytes, *headers: bytes) -> bytes:
    return POST + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([b""], id="says nothing"),
        pytest.param([b"GET /health HTTP/1.1\r\n", *[b"X: y\r\n"] * 20], id="sends a header now and then"),
        pytest.param([POST + b"Content-Length: 1000\r\n\r\n", *[b" "] * 20], id="sends its body byte by byte"),
        pytest.param(
            [POST + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\n \r\n"] * 20], id="sends its body in chunks"
        ),
    ],
)
async def test_a_slow_client_is_cut_off_and_keeps_nobody_waiting(house: House, parts: list[bytes]) -> None:
    begun = time.monotonic()
    slow = asyncio.create_task(send(house, *parts, pause=0.1))
    assert (await house.ask("GET", "/health"))[0] == 200
    assert time.monotonic() - begun < SECONDS
    assert await slow == b""
    assert time.monotonic() - begun < SECONDS + 2


async def test_whether_the_database_is_held_is_asked_when_the_whole_request_is_there(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def confirm() -> None:
        asked.set()

    async with opened(parse_url(f"sqlite:///{tmp_path / 'x.db'}"), confirm=confirm) as house:
        answer = asyncio.create_task(send(house, POST + b"Content-Length: 2\r\n\r\n{", b"}", pause=0.3))
        await asyncio.sleep(0.2)
        assert not asked.is_set()
        assert sentence(await answer)[0] == 400
        slow = send(house, POST + b"Content-Length: 38\r\n\r\n", b'{"session_id": "s", "event_type": "e"}', pause=0.3)
        assert sentence(await slow)[0] == 404
        assert asked.is_set()


async def test_a_client_that_never_reads_is_cut_off(house: House) -> None:
    await put_sessions(house, *(row(f"s{number}", "Ada", 0, title="x" * 500_000) for number in range(8)))
    reader, writer = await asyncio.open_unix_connection(str(house.socket), limit=1)
    writer.write(b"GET /sessions HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(SECONDS + 0.5)
    try:
        said = await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        said = b""
    writer.close()
    assert len(said) < 4_000_000


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"\x16\x03\x01\x02\x00garbage\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nX: " + b"y" * 20000 + b"\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 400),
        (b"GET /" + b"y" * 20000 + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: x\r\nX-Session-Token: \xff\r\n\r\n", 400),
        (b"GET /sessions HTTP/1.1\r\nHost: x\r\nX-Caller-Session-Id: \xff\r\n\r\n", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (with_body(b'{"session_id": "\xff\xfe"}'), 400),
        (with_body(b'{"session_id": "\\ud800"}'), 400),
        (with_body(b"[" * 100_000), 400),
        (with_body(b'{"a":' * 10_000), 400),
        (with_body(b'{"session_id": "s", "event_type": "x", "payload": {"n": NaN}}'), 400),
        (with_body(b'{"session_id": "s", "event_type": "x", "payload": {"n": 1e999}}'), 400),
        (with_body(gzip.compress(b" " * 100_000_000), b"Content-Encoding: gzip"), 400),
        (with_body(b" " * (api.MOST_BYTES + 1)), 413),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 17, 413),
    ],
)
async def test_what_is_no_request_is_refused_in_a_sentence(house: House, said: bytes, status: int) -> None:
    assert sentence(await send(house, said))[0] == status


async def test_one_connection_is_one_request(house: House) -> None:
    said = await send(house, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    assert said.count(b"HTTP/1.1 200") == 1


async def test_an_account_with_too_many_connections_is_told_so_until_it_closes_some(house: House) -> None:
    held = [await asyncio.open_unix_connection(str(house.socket)) for _ in range(MOST_CONNECTIONS)]
    assert sentence(await send(house, b""))[1] == "your account has too many connections open"
    for _, writer in held:
        writer.close()
    await asyncio.sleep(0.1)
    assert (await house.ask("GET", "/health"))[0] == 200


@as_root
async def test_one_accounts_connections_keep_no_other_account_out(house: House) -> None:
    held = [await asyncio.open_unix_connection(str(house.socket)) for _ in range(MOST_CONNECTIONS)]
    other = pwd.getpwnam(account_names()[0]).pw_uid
    assert (await house.ask("GET", "/health", uid=other))[0] == 200
    for _, writer in held:
        writer.close()
    await asyncio.sleep(0.1)


async def test_an_answer_that_takes_too_long_is_given_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "REQUEST_SECONDS", 0.0)
    status, answer = await house.ask("GET", "/sessions")
    monkeypatch.undo()
    assert (status, answer["error"]) == (504, "the answer took longer than 0.0 seconds")
