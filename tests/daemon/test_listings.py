"""A list of other people's sessions is one row of the audit log, however many pages it has."""

import os
import pwd
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import URL, select
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.config.schema import Person
from teleclaude.daemon import client, listings
from teleclaude.daemon.client import _ask, list_sessions
from teleclaude.daemon.listings import Listings
from teleclaude.db.models import AuditLog
from tests.support.house import House, opened, put_sessions, read, row

OWNERS = ("Ada", "Bob", "Cy", "Bob", "")


@pytest.fixture
async def house(target: URL) -> AsyncIterator[House]:
    me = pwd.getpwuid(os.geteuid()).pw_name
    ada = Person(name="Ada", email="ada@example.com", username=me, role="admin")
    async with opened(target, [ada]) as house:
        uids = {"Ada": os.geteuid(), "": -1}
        rows = (row(f"s{n}", owner, uids.get(owner, 4711)) for n, owner in enumerate(OWNERS))
        await put_sessions(house, *rows)
        yield house


async def noted(house: House) -> list[Any]:
    query = select(AuditLog.target_session_id, AuditLog.detail).where(AuditLog.action_type == "list_session")
    return [detail for session, detail in await read(house, query.order_by(AuditLog.id)) if session is None]


async def test_three_lists_of_many_pages_are_three_rows_that_say_how_many_of_whom(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAGE", 2)
    for _ in range(3):
        assert len(await list_sessions(house.socket, closed=True)) == 5
    assert await noted(house) == [{"sessions": 4, "of": {"": 1, "Bob": 2, "Cy": 1}}] * 3


async def test_own_sessions_are_not_noted(house: House) -> None:
    await put_sessions(house, row("mine", "Ada", os.geteuid(), computer_name="desk"))
    _, headers = await _ask(house.socket, "/sessions?computer=desk")
    assert "X-Cursor" in headers
    assert await noted(house) == []


async def test_a_page_without_the_cursor_of_its_list_is_a_first_one(house: House) -> None:
    _, headers = await _ask(house.socket, "/sessions?limit=2")
    cursor = {"cursor": headers["X-Cursor"]}
    later: tuple[tuple[dict[str, str], bool], ...] = (
        ({"after": "s1", **cursor}, False),
        ({"offset": "2", **cursor}, False),
        ({"after": "s1", "cursor": "invented"}, True),
        ({"after": "s1"}, True),
        # The cursor of one list says nothing of another, and the first page is a new list.
        ({"after": "s1", "closed": "true", **cursor}, True),
        (cursor, True),
    )
    for asked, is_noted in later:
        before = len(await noted(house))
        _, said = await _ask(house.socket, f"/sessions?{urlencode({**asked, 'limit': '2'})}")
        assert ("X-Cursor" in said, len(await noted(house)) - before) == (is_noted, is_noted), asked


async def test_the_cursor_of_one_daemon_says_nothing_to_the_next() -> None:
    one, other = Listings(), Listings()
    cursor = await one.note(Orm(), "Ada", "list", nobody)
    assert (one.is_noted("list", cursor), other.is_noted("list", cursor)) == (True, False)


async def nobody() -> Mapping[str, int]:
    return {}


async def test_a_list_that_is_asked_for_often_is_counted_once_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = []

    async def count() -> Mapping[str, int]:
        counted.append(1)
        return {}

    known = Listings()
    for listing in ("one", "one", "other", "one"):
        await known.note(Orm(), "Ada", listing, count)
    assert len(counted) == 2
    monkeypatch.setattr(listings, "_FRESH_SECONDS", 0.0)
    await known.note(Orm(), "Ada", "one", count)
    assert len(counted) == 3
