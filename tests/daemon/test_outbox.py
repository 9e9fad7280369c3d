"""The hook outbox: what is kept is delivered once, whatever is killed in between."""

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon.outbox import DeliveryError, deliver, deliver_due, release, to_changes
from teleclaude.db.models import HookOutbox, Session
from teleclaude.db.store.hooks import CLAIM_TIME, MOST_ATTEMPTS, HookEvent, claim_events
from teleclaude.db.url import parse_url
from tests.support.house import NOW, House, opened, put_sessions, read, row

OUTBOX = (HookOutbox.attempt_count, HookOutbox.last_error)


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(request: pytest.FixtureRequest, tmp_path: Path, target: URL) -> AsyncIterator[House]:
    url = target if request.param == "postgresql" else parse_url(f"sqlite:///{tmp_path / 'x.db'}")
    async with opened(url) as house:
        await put_sessions(house, row("s", "Ada", 0))
        yield house


async def put_event(house: House, kind: str = "agent_stop", payload: Any = None, **values: Any) -> None:
    given = {"session_id": "s", "event_type": kind, "payload": payload or {}, "created_at": NOW + timedelta(hours=1)}
    async with house.engine.begin() as connection:
        await connection.execute(insert(HookOutbox).values({**given, "next_attempt_at": NOW, **values}))


async def claim(house: House) -> list[int]:
    async with Orm(house.engine) as orm:
        found = [event.id for event in await claim_events(orm, 100)]
        await orm.commit()
        return found


async def is_delivered(house: House) -> bool:
    return (await read(house, select(HookOutbox.delivered_at)))[0][0] is not None


@pytest.mark.parametrize(
    ("kind", "payload", "column", "value"),
    [
        ("user_prompt_submit", {"prompt": "do it"}, "last_message_sent", "do it"),
        ("user_prompt_submit", {"prompt": ["no text"]}, "last_message_sent", None),
        ("session_start", {"transcript_path": "/x.jsonl"}, "native_log_file", "/x.jsonl"),
        ("session_start", {"session_id": "native"}, "native_session_id", "native"),
        ("tool_use", {}, "last_tool_use_at", NOW + timedelta(hours=1)),
        ("unheard_of", {}, "last_activity", NOW + timedelta(hours=1)),
    ],
)
async def test_an_event_changes_its_session(
    house: House, kind: str, payload: dict[str, Any], column: str, value: Any
) -> None:
    await put_event(house, kind, payload)
    assert await deliver_due(house.service, deliver) == 1
    assert await read(house, select(getattr(Session, column))) == [(value,)]
    assert await is_delivered(house)
    assert await deliver_due(house.service, deliver) == 0


def test_what_a_session_knows_since_an_older_event_stays() -> None:
    event = HookEvent(1, "s", "user_prompt_submit", NOW, 0)
    newer = {"last_activity": NOW + timedelta(1), "last_message_sent_at": NOW + timedelta(1)}
    assert to_changes(event, {"prompt": "old"}, newer) == {}


async def test_an_event_without_a_session_is_tried_later_and_at_last_left(house: House) -> None:
    await put_event(house, session_id="gone")
    assert await deliver_due(house.service, deliver) == 1
    assert await read(house, select(*OUTBOX)) == [(1, "there is no such session")]
    assert await claim(house) == []
    for attempt in range(1, MOST_ATTEMPTS):
        async with house.engine.begin() as connection:
            await connection.execute(update(HookOutbox).values(next_attempt_at=NOW))
        assert await deliver_due(house.service, deliver) == 1, attempt
    async with house.engine.begin() as connection:
        await connection.execute(update(HookOutbox).values(next_attempt_at=NOW))
    assert await deliver_due(house.service, deliver) == 0


async def test_the_pause_between_attempts_doubles(house: House) -> None:
    await put_event(house, session_id="gone", attempt_count=5)
    begun = datetime.now(UTC)
    await deliver_due(house.service, deliver)
    ((due,),) = await read(house, select(HookOutbox.next_attempt_at))
    assert timedelta(seconds=30) < due - begun < timedelta(seconds=60)


async def test_a_claim_keeps_others_away_until_it_lapses(house: House) -> None:
    await put_event(house)
    assert len(await claim(house)) == 1
    assert await claim(house) == []
    async with house.engine.begin() as connection:
        await connection.execute(update(HookOutbox).values(locked_at=datetime.now(UTC) - CLAIM_TIME))
    assert len(await claim(house)) == 1


async def test_a_daemon_that_starts_takes_up_what_a_killed_one_had_claimed(house: House) -> None:
    await put_event(house)
    await claim(house)
    await release(house.service)
    assert await deliver_due(house.service, deliver) == 1


async def test_what_a_target_did_before_it_failed_is_undone(house: House) -> None:
    async def fail_late(orm: Orm, event: HookEvent) -> None:
        await deliver(orm, event)
        raise DeliveryError("not today")

    await put_event(house, "user_prompt_submit", {"prompt": "x"})
    await deliver_due(house.service, fail_late)
    assert await read(house, select(Session.last_message_sent)) == [(None,)]
    assert await read(house, select(*OUTBOX)) == [(1, "not today")]


async def test_an_event_that_meets_a_bug_keeps_no_other_from_being_delivered(house: House) -> None:
    async def stumble(orm: Orm, event: HookEvent) -> None:
        if event.event_type == "odd":
            raise ValueError("a value that the log must not have")
        await deliver(orm, event)

    await put_event(house, "odd")
    await put_event(house)
    assert await deliver_due(house.service, stumble) == 2
    assert await read(house, select(*OUTBOX).order_by(HookOutbox.id)) == [(1, "ValueError"), (1, None)]


async def brought_and_own(target: URL, *, only_later: bool) -> list[tuple[int, bool]]:
    """Deliver what is due where the migration brought the numbers 1 and 2; return every number and its outcome."""
    async with opened(target, only_later=only_later) as house:
        await put_sessions(house, row("s", "Ada", 0))
        claimed = datetime.now(UTC) - timedelta(days=1)
        for number in (1, 2):
            await put_event(house, id=number, locked_at=claimed)
        async with house.engine.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE hook_outbox ALTER COLUMN id SET START 3 RESTART")
        await put_event(house)
        await release(house.service)
        await deliver_due(house.service, deliver)
        rows = await read(
            house, select(HookOutbox.id, HookOutbox.delivered_at, HookOutbox.locked_at).order_by(HookOutbox.id)
        )
        assert [kept for number, _, kept in rows if number < 3] == [claimed if only_later else None] * 2
        return [(number, delivered is not None) for number, delivered, _ in rows]


async def test_the_daemon_of_a_trial_delivers_what_it_received_and_leaves_what_was_brought(target: URL) -> None:
    assert await brought_and_own(target, only_later=True) == [(1, False), (2, False), (3, True)]


async def test_every_other_daemon_delivers_what_was_brought_too(target: URL) -> None:
    assert await brought_and_own(target, only_later=False) == [(1, True), (2, True), (3, True)]


async def test_without_a_migration_the_daemon_of_a_trial_delivers_everything(target: URL) -> None:
    async with opened(target, only_later=True) as house:
        await put_sessions(house, row("s", "Ada", 0))
        await put_event(house)
        assert await deliver_due(house.service, deliver) == 1


KILLED = """
import asyncio, os, sys
from sqlalchemy.ext.asyncio import AsyncSession as Orm
from teleclaude.config.schema import Settings
from teleclaude.daemon.outbox import deliver, deliver_due
from teleclaude.daemon.service import Service
from teleclaude.db.engine import make_engine
from teleclaude.db.url import parse_url

async def die(orm, event):
    await deliver(orm, event)
    await orm.flush()
    os.kill(os.getpid(), 9)

asyncio.run(deliver_due(Service(make_engine(parse_url(sys.argv[1])), Settings(agents={})), die))
"""


async def test_a_daemon_killed_in_the_middle_of_a_delivery_has_delivered_nothing_and_the_next_one_does(
    house: House,
) -> None:
    await put_event(house, "user_prompt_submit", {"prompt": "x"})
    url = house.url.render_as_string(hide_password=False)
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, url)
    assert await killed.wait() == -9
    assert await read(house, select(Session.last_message_sent)) == [(None,)]
    await release(house.service)
    assert await deliver_due(house.service, deliver) == 1
    assert await read(house, select(Session.last_message_sent)) == [("x",)]
