from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.models import Session
from teleclaude.db.store import SessionFilter, list_sessions
from teleclaude.db.url import parse_url

NOW = datetime(2026, 3, 15, tzinfo=UTC)


def session(name: str, minutes: int | None, **values: Any) -> dict[str, Any]:
    given = {
        "session_id": name,
        "computer_name": "workshop",
        "owner_person": "Ada",
        "owner_uid": 1000,
        "lifecycle_status": "active",
        "last_activity": None if minutes is None else NOW + timedelta(minutes=minutes),
        "closed_at": None,
        "session_metadata": None,
        "initiator_session_id": None,
    }
    return given | values


ROWS = [
    session("old", 1),
    session("new", 9, session_metadata={"job": "builder"}),
    session("headless", 5, lifecycle_status="headless", initiator_session_id="new"),
    session("closed", 8, closed_at=NOW),
    session("closing", 7, lifecycle_status="closing"),
    session("elsewhere", 3, computer_name="büro"),
    session("never", None),
    session("unknown", 2, lifecycle_status=None),
]


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path, target: URL) -> Any:
    url = target if request.param == "postgresql" else parse_url(f"sqlite:///{tmp_path / 'x.db'}")
    async with disposing(make_engine(url)) as made:
        async with made.begin() as connection:
            await connection.run_sync(schema.upgrade)
            await connection.execute(insert(Session), ROWS)
        yield made


async def listed(engine: AsyncEngine, **wanted: Any) -> list[str]:
    return [row.session_id for row in await list_sessions(engine, SessionFilter(**wanted))]


async def test_open_sessions_come_with_the_last_active_first(engine: AsyncEngine) -> None:
    assert await listed(engine) == ["new", "headless", "elsewhere", "old", "never"]


async def test_closed_asks_for_every_session(engine: AsyncEngine) -> None:
    found = await listed(engine, closed=True)
    assert found == ["new", "closed", "closing", "headless", "elsewhere", "unknown", "old", "never"]


async def test_a_computer_a_job_and_an_initiator_narrow_the_list(engine: AsyncEngine) -> None:
    assert await listed(engine, computer="büro") == ["elsewhere"]
    assert await listed(engine, job="builder") == ["new"]
    assert await listed(engine, initiator="new") == ["headless"]
