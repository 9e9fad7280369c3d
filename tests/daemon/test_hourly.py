"""What the daemon does by itself: it closes the sessions that nobody uses, and says which."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, insert, select, update

from teleclaude.config.schema import make_settings
from teleclaude.daemon import hourly
from teleclaude.daemon.boot import Daemon, Installation
from teleclaude.daemon.hourly import close_idle_sessions, expire_audit_log, work_every_hour
from teleclaude.daemon.lease import Lease
from teleclaude.daemon.own_session import OwnSession
from teleclaude.daemon.problems import LOCK_LOST
from teleclaude.daemon.serve import _duties
from teleclaude.daemon.service import Service
from teleclaude.db.engine import make_engine
from teleclaude.db.models import AuditLog, MigrationRun, Session, SessionToken
from teleclaude.db.store.audit import DAEMON
from teleclaude.db.url import parse_url
from teleclaude.errors import RequestError
from tests.support.house import House, opened, put_sessions, read, row

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(hours=73)


@pytest.fixture
async def house(target: URL) -> AsyncIterator[House]:
    async with opened(target) as house:
        yield house


async def put(house: House, model: Any, **values: Any) -> None:
    async with house.engine.begin() as connection:
        await connection.execute(insert(model).values(values))


async def find_open(house: House) -> set[str]:
    return {name for (name,) in await read(house, select(Session.session_id).where(Session.closed_at.is_(None)))}


async def test_what_is_idle_on_this_computer_is_closed_and_nothing_else(house: House) -> None:
    await put_sessions(
        house,
        row("idle", "Bob", 4, last_activity=LONG_AGO),
        row("never active", "Bob", 4, last_activity=None, created_at=LONG_AGO, lifecycle_status="headless"),
        row("used", "Bob", 4, last_activity=NOW - timedelta(hours=71)),
        row("used, though older", "Bob", 4, last_activity=NOW, created_at=LONG_AGO),
        row("elsewhere", "Bob", 4, last_activity=LONG_AGO, computer_name="attic"),
        row("closed", "Bob", 4, last_activity=LONG_AGO, closed_at=LONG_AGO, lifecycle_status="closed"),
        row("closed, the old way", "Bob", 4, last_activity=LONG_AGO, lifecycle_status="closed"),
    )
    assert await close_idle_sessions(house.service) == 2
    assert await find_open(house) == {"used", "used, though older", "elsewhere", "closed, the old way"}
    columns = (AuditLog.target_session_id, AuditLog.actor_person, AuditLog.action_type, AuditLog.detail)
    found = await read(house, select(*columns))
    said = {name: (actor, action, detail["status"]) for name, actor, action, detail in found}
    assert said == {
        "idle": (DAEMON, "close_idle", "active"),
        "never active": (DAEMON, "close_idle", "headless"),
    }
    assert await close_idle_sessions(house.service) == 0


async def test_its_tokens_are_revoked(house: House) -> None:
    for name, active in (("idle", LONG_AGO), ("used", NOW)):
        await put_sessions(house, row(name, "Bob", 4, last_activity=active))
        token = {"token": name, "session_id": name, "principal": "x", "role": "member"}
        await put(house, SessionToken, **token, issued_at=NOW, expires_at=NOW + timedelta(days=1))
    await close_idle_sessions(house.service)
    valid = select(SessionToken.token).where(SessionToken.revoked_at.is_(None))
    assert await read(house, valid) == [("used",)]


async def test_the_time_counts_from_the_end_of_the_migration(house: House) -> None:
    long_before = LONG_AGO - timedelta(days=400)
    for number, (active, created) in enumerate(((long_before, long_before), (None, None))):
        await put_sessions(house, row(str(number), "Bob", 4, last_activity=active, created_at=created))
    run = {"run_id": "run", "state": "complete", "source": "x", "source_sha256": "y", "started_at": long_before}
    await put(house, MigrationRun, **run, finished_at=NOW - timedelta(hours=71))
    assert await close_idle_sessions(house.service) == 0
    async with house.engine.begin() as connection:
        await connection.execute(update(MigrationRun).values(finished_at=LONG_AGO))
    assert await close_idle_sessions(house.service) == 2


async def test_the_configuration_says_how_long_is_too_long(house: House) -> None:
    await put_sessions(
        house,
        row("idle", "Bob", 4, last_activity=LONG_AGO),
        row("of no known moment", "Bob", 4, last_activity=None, created_at=None),
    )
    for hours, closed in ((0, 0), (80, 0), (1.5, 1)):
        given = {"agents": {}, "computer": {"name": "workshop"}, "sessions": {"idle_hours": hours}}
        assert await close_idle_sessions(replace(house.service, settings=make_settings(given, "x"))) == closed


async def test_many_are_closed_in_several_transactions(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hourly, "_BATCH", 2)
    await put_sessions(house, *(row(str(number), "Bob", 4, last_activity=LONG_AGO) for number in range(5)))
    assert await close_idle_sessions(house.service) == 5


async def test_the_next_event_opens_the_session_again_as_it_was(house: House) -> None:
    own = {"last_activity": LONG_AGO, "lifecycle_status": "headless", "active_agent": "claude"}
    await put_sessions(
        house, *(row(name, "me", os.geteuid(), native_session_id=name, **own) for name in ("by id", "native", "ended"))
    )
    await house.ask("DELETE", "/sessions/ended")
    await close_idle_sessions(house.service)
    for known in ({"session_id": "by id"}, {"agent": "claude", "native_session_id": "native"}, {"session_id": "ended"}):
        status, _ = await house.ask("POST", "/hooks", {**known, "event_type": "agent_stop"})
        assert status == 202
    assert await find_open(house) == {"by id", "native"}
    opened_again = select(Session.lifecycle_status).where(Session.closed_at.is_(None))
    assert await read(house, opened_again) == [("headless",), ("headless",)]


async def test_an_event_of_somebody_else_opens_no_session(house: House) -> None:
    bobs = {"last_activity": LONG_AGO, "native_session_id": "n", "active_agent": "claude"}
    await put_sessions(house, row("idle", "Bob", 4, **bobs))
    await close_idle_sessions(house.service)
    for known in ({"session_id": "idle"}, {"agent": "claude", "native_session_id": "n"}):
        await house.ask("POST", "/hooks", {**known, "event_type": "agent_stop"})
    assert await find_open(house) == set()


async def test_what_somebody_closed_after_it_was_opened_again_stays_closed(house: House) -> None:
    event = {"session_id": "idle", "event_type": "agent_stop"}
    await put_sessions(house, row("idle", "me", os.geteuid(), last_activity=LONG_AGO))
    await close_idle_sessions(house.service)
    await house.ask("POST", "/hooks", event)
    await house.ask("DELETE", "/sessions/idle")
    await house.ask("POST", "/hooks", event)
    assert await find_open(house) == set()


async def test_old_rows_of_the_audit_log_are_removed_and_the_log_says_so(house: House) -> None:
    for name, days in (("oldest", 500), ("old", 401), ("kept", 399)):
        moment = NOW - timedelta(days=days)
        await put(house, AuditLog, actor_person="Ada", action_type="read", target_session_id=name, timestamp=moment)
    for _ in range(2):
        await expire_audit_log(house.service)
    found = await read(house, select(AuditLog.action_type, AuditLog.target_session_id, AuditLog.detail))
    kept, (action, session, detail) = found
    assert (kept[:2], action, session, detail["rows"]) == (("read", "kept"), "expire_audit", None, 2)
    assert datetime.fromisoformat(detail["newest"]) == NOW - timedelta(days=401)


async def test_an_audit_log_that_is_kept_for_ever_loses_nothing(house: House) -> None:
    await put(house, AuditLog, actor_person="Ada", action_type="read", timestamp=NOW - timedelta(days=9999))
    given = {"agents": {}, "audit": {"keep_days": 0}}
    await expire_audit_log(replace(house.service, settings=make_settings(given, "x")))
    assert len(await read(house, select(AuditLog.id))) == 1


async def test_it_begins_at_once_and_waits_for_a_database_that_is_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "_MINUTE", 0.0)
    await put_sessions(house, row("idle", "Bob", 4, last_activity=LONG_AGO))
    answers = iter([RequestError(503, LOCK_LOST), OSError("away")])

    async def confirm() -> None:
        if (failure := next(answers, None)) is not None:
            raise failure

    working = asyncio.create_task(work_every_hour(replace(house.service, confirm=confirm)))
    async with asyncio.timeout(10):
        while await find_open(house):
            await asyncio.sleep(0.01)
    assert not working.done()
    working.cancel()


@pytest.mark.parametrize("single_user", [True, False])
def test_only_the_daemon_of_a_system_works_every_hour(tmp_path: Path, single_user: bool) -> None:
    settings, url = make_settings({"agents": {}}, "x"), parse_url("postgresql://x/x")
    engine = make_engine(url)
    installation = Installation(settings, url, tmp_path, tmp_path if single_user else None)
    service = Service(engine, settings)
    lease = None if single_user else Lease(engine, OwnSession(url), service.confirm)
    duties = list(_duties(Daemon(installation, service, "1", lease=lease)))
    works = any(work_every_hour.__name__ in str(duty) for duty in duties)
    for duty in duties:
        duty.close()
    assert works is not single_user
