"""The audit log, as administrators read it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import URL, insert

from teleclaude.daemon import client
from teleclaude.db.models import AuditLog
from teleclaude.db.url import parse_url
from tests.support.house import NOW, House, opened

ROWS = [("Ada", "read_session", "s", None), ("Bob", "read_session", "t", None), ("Ada", "list_session", None, {"n": 1})]


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(request: pytest.FixtureRequest, tmp_path: Path, target: URL) -> AsyncIterator[House]:
    url = target if request.param == "postgresql" else parse_url(f"sqlite:///{tmp_path / 'x.db'}")
    names = ("actor_person", "action_type", "target_session_id", "detail")
    async with opened(url) as house:
        async with house.engine.begin() as connection:
            for day, row in enumerate(ROWS):
                values = dict(zip(names, row, strict=True)) | {"timestamp": NOW + timedelta(days=day)}
                await connection.execute(insert(AuditLog).values(values))
        yield house


async def test_rows_are_listed_by_who_what_and_when_in_pages(house: House) -> None:
    moment = quote((NOW + timedelta(days=1)).isoformat())
    for asked, ids in (
        ("", [3, 2, 1]),
        ("actor=Ada", [3, 1]),
        ("action=read_session", [2, 1]),
        ("session=t", [2]),
        (f"since={moment}", [3, 2]),
        (f"until={moment}", [1]),
        ("limit=2", [3, 2]),
        ("limit=2&before=2", [1]),
        ("actor=Ada&before=3", [1]),
    ):
        status, rows = await house.ask("GET", f"/audit?{asked}")
        assert (status, [row["id"] for row in rows]) == (200, ids), asked
    _, [newest, *_] = await house.ask("GET", "/audit")
    said = {"id": 3, "actor": "Ada", "action": "list_session", "session": None, "detail": {"n": 1}}
    assert newest == {**said, "timestamp": (NOW + timedelta(days=2)).isoformat()}


async def test_a_moment_without_an_offset_is_refused(house: House) -> None:
    status, said = await house.ask("GET", "/audit?since=2026-01-01T00:00:00")
    assert (status, "since" in said["error"]) == (400, True)


@pytest.mark.parametrize(("limit", "ids"), [(2, [3, 2]), (3, [3, 2, 1]), (9, [3, 2, 1])])
async def test_the_client_reads_as_many_pages_as_are_asked_for(
    house: House, monkeypatch: pytest.MonkeyPatch, limit: int, ids: list[int]
) -> None:
    monkeypatch.setattr(client, "PAGE", 1)
    assert [row["id"] for row in await client.list_audit(house.socket, {}, limit)] == ids
