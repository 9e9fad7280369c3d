"""To which session the event of a hook belongs, and that it is kept once: the same on both databases."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, func, insert, select

from teleclaude.daemon.outbox import deliver, deliver_due
from teleclaude.daemon.recollection import make_page
from teleclaude.db.models import HookOutbox, MemoryObservation, MemorySummary, Session
from teleclaude.db.url import parse_url
from tests.support.house import NOW, House, opened, put_sessions, read, row

NATIVE = {"agent": "claude", "native_session_id": "n"}
OWN = os.geteuid()


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(request: pytest.FixtureRequest, tmp_path: Path, target: URL) -> AsyncIterator[House]:
    """Answer to an administrator, who owns no session and sees another's."""
    url = target if request.param == "postgresql" else parse_url(f"sqlite:///{tmp_path / 'x.db'}")
    async with opened(url) as house:
        await put_sessions(house, row("theirs", "Bob", OWN + 1, native_session_id="of bob", active_agent="claude"))
        yield house


async def tell(house: House, event_type: str, **event: Any) -> tuple[int, Any]:
    status, answer = await house.ask("POST", "/hooks", {"event_type": event_type, **event})
    return status, answer.get("id", answer)


async def kept_for(house: House) -> list[str]:
    return [session for (session,) in await read(house, select(HookOutbox.session_id).order_by(HookOutbox.id))]


async def put_own(house: House, name: str, **values: Any) -> None:
    await put_sessions(house, row(name, "me", OWN, **values))


async def test_the_first_event_outside_a_terminal_makes_a_session_of_the_callers(house: House) -> None:
    start = {**NATIVE, "cwd": "/src/teleclaude", "payload": {"transcript_path": "/x.jsonl"}}
    assert (await tell(house, "session_start", **start))[0] == 202
    assert (await tell(house, "tool_use", **NATIVE))[0] == 202
    columns = ("lifecycle_status", "project_path", "active_agent", "native_session_id", "native_log_file", "owner_uid")
    own = select(Session.session_id, *(getattr(Session, name) for name in columns)).where(Session.owner_uid == OWN)
    ((made, *said),) = await read(house, own)
    assert said == ["headless", "/src/teleclaude", "claude", "n", "/x.jsonl", OWN]
    assert await kept_for(house) == [made, made]


@pytest.mark.parametrize(("agent", "sessions"), [("codex", 1), ("claude", 0)])
async def test_only_codex_begins_a_session_with_the_end_of_a_turn(house: House, agent: str, sessions: int) -> None:
    said = {"thread-id": "n", "last-assistant-message": "done"}
    await tell(house, "agent_stop", agent=agent, native_session_id="n", payload=said)
    await deliver_due(house.service, deliver)
    own = select(Session.native_session_id, Session.last_output_raw).where(Session.owner_uid == OWN)
    assert await read(house, own) == [("n", "done")] * sessions


async def test_an_event_of_no_session_is_dropped(house: House) -> None:
    assert await tell(house, "tool_use", **NATIVE) == (202, None)
    assert await tell(house, "session_start", agent="claude") == (202, None)
    assert await kept_for(house) == []


async def test_no_event_reaches_a_session_of_another_not_even_an_administrators(house: House) -> None:
    assert (await tell(house, "tool_use", session_id="theirs"))[0] == 404
    assert await tell(house, "tool_use", agent="claude", native_session_id="of bob") == (202, None)
    assert await kept_for(house) == []


@pytest.mark.parametrize(
    ("named", "event", "session"),
    [
        ({"active_agent": "claude", "native_session_id": "n"}, NATIVE, "named"),
        ({"active_agent": "claude", "native_session_id": "cleared"}, NATIVE, "named"),
        ({"active_agent": "claude"}, NATIVE, "named"),
        ({"active_agent": "gemini", "native_session_id": "other"}, NATIVE, "native"),
        ({"closed_at": NOW}, NATIVE, "native"),
        ({"closed_at": NOW}, {"agent": "claude", "native_session_id": "unheard of"}, None),
        ({"closed_at": NOW}, {"agent": "codex", "native_session_id": "n"}, None),
    ],
)
async def test_the_session_of_the_terminal_has_the_event_unless_it_is_closed_or_another_agents(
    house: House, named: dict[str, Any], event: dict[str, Any], session: str | None
) -> None:
    await put_own(house, "named", **named)
    await put_own(house, "native", active_agent="claude", native_session_id="n", last_activity=None)
    # In a terminal of ours no event makes a session.
    assert (await tell(house, "session_start", session_id="named", **event))[0] == 202
    assert await kept_for(house) == ([session] if session else [])


async def test_a_repeat_is_answered_as_the_first_and_not_kept(house: House) -> None:
    event = {**NATIVE, "event_id": "e"}
    first = await tell(house, "session_start", **event)
    assert first[1] is not None
    assert await tell(house, "session_start", **event) == first
    # Also where it would be dropped by now.
    await put_own(house, "s")
    named = await tell(house, "tool_use", session_id="s", event_id="named")
    assert (await house.ask("DELETE", "/sessions/s"))[0] == 200
    assert await tell(house, "tool_use", session_id="s", event_id="named") == named
    assert len(await kept_for(house)) == 2


async def test_the_same_event_many_times_at_once_is_one_event_of_one_session(house: House) -> None:
    event = {**NATIVE, "event_id": "e"}
    replies = await asyncio.gather(*(tell(house, "session_start", **event) for _ in range(6)))
    assert len(set(replies)) == 1, replies
    assert len(await kept_for(house)) == 1
    assert await read(house, select(func.count()).select_from(Session).where(Session.owner_uid == OWN)) == [(1,)]


@pytest.mark.parametrize(("hours", "kept"), [(-3, timedelta(hours=-3)), (3, timedelta())])
async def test_an_event_has_happened_when_it_was_received_and_never_later_than_now(
    house: House, hours: int, kept: timedelta
) -> None:
    await put_own(house, "s")
    now = datetime.now(UTC)
    received = (now + timedelta(hours=hours)).isoformat()
    await tell(house, "tool_use", session_id="s", received_at=received)
    ((made,),) = await read(house, select(HookOutbox.created_at))
    assert abs(made - (now + kept)) < timedelta(minutes=1)


async def test_a_payload_is_kept_with_what_the_hook_knows(house: House) -> None:
    await put_own(house, "s")
    said = {"prompt": "do it", "transcript_path": "/x.jsonl"}
    moment = "2026-03-15T10:00:00+00:00"
    await tell(house, "tool_use", session_id="s", cwd="/src", received_at=moment, payload=said, **NATIVE)
    added = {"agent_name": "claude", "native_session_id": "n", "native_log_file": "/x.jsonl", "cwd": "/src"}
    assert await read(house, select(HookOutbox.payload)) == [({**said, **added, "received_at": moment},)]


async def test_an_agent_that_begins_reads_what_is_known_of_its_project(house: House) -> None:
    common = {"memory_session_id": "m", "created_at": NOW, "created_at_epoch": 1}
    async with house.engine.begin() as connection:
        for number, (project, key) in enumerate((("here", None), ("here", "bob"), ("there", None)), 1):
            values = {"project": project, "identity_key": key, "type": "gotcha", "title": f"t{number}", **common}
            await connection.execute(insert(MemoryObservation).values(values))
        await connection.execute(insert(MemorySummary).values(project="here", learned="much", **common))
    status, page = await house.ask("GET", "/api/memory/inject?projects=here&identity_key=ada")
    assert status == 200
    assert "#1 gotcha: t1" in page
    assert "- Learned: much" in page
    assert "t2" not in page
    assert "t3" not in page
    assert (await house.ask("GET", "/api/memory/inject?projects=nowhere"))[1] == ""


def test_a_title_is_one_line_of_at_most_sixty_characters() -> None:
    made = NOW - timedelta(hours=49)
    long = {"id": 7, "type": "pattern", "title": f"# a\nb {'x' * 80}", "created_at": made}
    line = make_page("p", [long], [], NOW).splitlines()[-1]
    assert line == f"- #7 pattern: # a b {'x' * 53}… (2 days ago)"
