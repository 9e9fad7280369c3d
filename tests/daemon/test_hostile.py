"""Clients that are slow, greedy or broken leave the daemon running and answering everybody else."""

import asyncio
import gzip
import json
import os
import pwd
import socket
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import QueuePool

from teleclaude.config.schema import Person
from teleclaude.daemon import api, budget, connection, gate, problems, serve
from teleclaude.daemon.gate import MOST_CONNECTIONS
from teleclaude.daemon.service import Service
from teleclaude.db.store import lengths, sessions
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


async def test_the_log_says_once_that_it_is_full_and_a_place_that_is_left_is_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serve, "read_most", lambda: 4)
    async with opened(parse_url(f"sqlite:///{tmp_path / 'y.db'}")) as house:
        held = [await asyncio.open_unix_connection(str(house.socket)) for _ in range(4)]
        for _ in range(3):
            assert sentence(await send(house, b"")) == (503, "the daemon has no more connections for your account")
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.1)
        assert (await house.ask("GET", "/health"))[0] == 200
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "connections are refused, because too many are open"
    ]


async def test_an_account_that_nobody_knows_has_only_the_share_of_such_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_UNKNOWN", 1)
    monkeypatch.setattr(Service, "read_roles", lambda _: {})
    async with opened(parse_url(f"sqlite:///{tmp_path / 'y.db'}")) as house:
        # Who was answered once is known: the account may be newer than the daemon.
        _, idle = await asyncio.open_unix_connection(str(house.socket))
        assert sentence(await send(house, b"")) == (503, problems.UNKNOWN_HAVE_TOO_MANY.message)
        idle.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.2)
        idle.close()
        held = [await asyncio.open_unix_connection(str(house.socket)) for _ in range(3)]
        assert (await house.ask("GET", "/health"))[0] == 200
        for _, writer in held:
            writer.close()


async def test_who_sends_no_request_is_cut_off_before_long(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(connection, "CONNECTION_SECONDS", 20.0)
    begun = time.monotonic()
    assert await send(house, b"GET /health HTTP/1.1\r\n") == b""
    assert time.monotonic() - begun < 5
    slow = send(house, POST + b"Content-Length: 2\r\n\r\n{", b"}", pause=0.3)
    assert sentence(await slow)[0] == 400


async def test_an_upload_that_is_broken_off_is_no_error_of_ours(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "teleclaude")
    for half in (with_body(b"{" * 99)[:-9], POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"):
        reader, writer = await asyncio.open_unix_connection(str(house.socket))
        writer.write(half)
        await asyncio.sleep(0.05)
        writer.close()
        assert await reader.read() == b""
    await asyncio.sleep(0.1)
    assert [vars(record)["fields"]["status"] for record in caplog.records if record.name == api.__name__] == [499] * 2
    assert {record.levelname for record in caplog.records} == {"INFO"}


@pytest.mark.parametrize("path", [b"/health", b"/nowhere"])
async def test_an_expectation_that_is_unknown_is_refused_in_a_sentence(house: House, path: bytes) -> None:
    said = await send(house, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nExpect: a miracle\r\n\r\n")
    assert sentence(said) == (417, "this Expect header is not known")


async def test_who_waits_to_send_its_body_is_told_to_go_on(house: House) -> None:
    head, body = with_body(b"{}", b"Expect: 100-continue").split(b"\r\n\r\n")
    said = await send(house, head + b"\r\n\r\n", body, pause=0.1)
    begin, _, answer = said.partition(b"\r\n\r\n")
    assert begin == b"HTTP/1.1 100 Continue"
    assert sentence(answer)[0] == 400


@pytest.mark.parametrize("pause", [0.0, 0.05])
async def test_who_sends_no_more_after_its_request_gets_its_answer(house: House, pause: float) -> None:
    for request in (b"GET /sessions HTTP/1.1\r\nHost: x\r\n\r\n", with_body(b"{}")):
        reader, writer = await asyncio.open_unix_connection(str(house.socket))
        writer.write(request)
        await asyncio.sleep(pause)
        writer.write_eof()
        assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 ")
        writer.close()


async def test_who_closes_without_a_request_is_gone_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_SECONDS", 20.0)
    monkeypatch.setattr(connection, "CONNECTION_SECONDS", 20.0)
    for _ in range(2):
        for _ in range(MOST_CONNECTIONS):
            _, writer = await asyncio.open_unix_connection(str(house.socket))
            writer.close()
        await asyncio.sleep(0.1)


async def begin_to_read(house: House) -> asyncio.StreamWriter:
    """Ask for the list of sessions and read nothing of it."""
    _, writer = await asyncio.open_unix_connection(str(house.socket), limit=1)
    writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    writer.write(b"GET /sessions HTTP/1.1\r\nHost: x\r\n\r\n")
    return writer


async def test_slow_readers_hold_no_connection_to_the_database_and_no_more_than_a_part_of_the_list(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECTION_SECONDS", 20.0)
    await put_sessions(house, *(row(f"s{number}", "Ada", 0, title="x" * 200_000) for number in range(40)))
    await put_sessions(house, row("mine", "me", os.geteuid()))
    budgets: list[budget.Budget] = []
    made = budget.Budget.wait

    async def watch(pool: budget.Budget, share: budget.Share, size: int) -> None:
        budgets.append(pool)
        await made(pool, share, size)

    monkeypatch.setattr(budget.Budget, "wait", watch)
    readers = [await begin_to_read(house) for _ in range(api.TURNS)]
    for _ in range(100):
        await asyncio.sleep(0.1)
        taken = budget.BUDGET - budgets[0].free if budgets else 0
        if api.TURNS * 60_000 < taken < api.TURNS * 400_000:
            break
    assert api.TURNS * 60_000 < taken < api.TURNS * 400_000
    assert isinstance(house.engine.pool, QueuePool)
    assert house.engine.pool.checkedout() == 0
    # Their account has no turn left, but for what has turns of its own.
    waiting = asyncio.create_task(house.ask("GET", "/auth/whoami"))
    event = {"session_id": "mine", "event_type": "tool_use"}
    assert (await house.ask("POST", "/hooks", event))[0] == 202
    assert (await house.ask("GET", "/health"))[0] == 200
    assert not waiting.done()
    for reader in readers:
        reader.close()
    assert (await waiting)[0] == 200
    assert budgets[0].free == budget.BUDGET


async def test_a_list_that_cannot_be_read_to_its_end_does_not_look_whole(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put_sessions(house, *(row(f"s{number}", "Ada", 0, title="x" * 800_000) for number in range(3)))
    made, left = lengths.count_fitting, [2]

    def fail(sizes: Sequence[int], room: int) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("the database is gone")
        return made(sizes, room)

    monkeypatch.setattr(sessions, "count_fitting", fail)
    try:
        said = await send(house, b"GET /sessions HTTP/1.1\r\nHost: x\r\n\r\n")
    except ConnectionError:
        said = b""
    assert not said.endswith(b"0\r\n\r\n")


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
