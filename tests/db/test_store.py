import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, ClauseElement, Executable, delete, insert, select, text, true, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession as Orm
from sqlalchemy.ext.compiler import compiles

from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.models import AuditLog, Session
from teleclaude.db.store.audit import write_audit
from teleclaude.db.store.idle import count_idle
from teleclaude.db.store.sessions import Place, Reach, SessionFilter, _find_places, list_sessions
from teleclaude.db.store.viewers import Viewer
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
        "human_email": None,
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


ADMIN = Viewer("root", 0, sees_all=True)
ALL = Reach(None, 100, 100_000)


async def listed(engine: AsyncEngine, viewer: Viewer = ADMIN, **wanted: Any) -> list[str]:
    async with Orm(engine) as orm:
        found = await list_sessions(orm, (Session.session_id,), SessionFilter(**wanted), viewer, ALL)
        return [seen.columns["session_id"] for seen in found.sessions]


async def test_open_sessions_come_with_the_last_active_first(engine: AsyncEngine) -> None:
    assert await listed(engine) == ["new", "headless", "elsewhere", "old", "never"]


async def test_closed_asks_for_every_session(engine: AsyncEngine) -> None:
    found = await listed(engine, closed=True)
    assert found == ["new", "closed", "closing", "headless", "elsewhere", "unknown", "old", "never"]


async def test_a_computer_a_job_and_an_initiator_narrow_the_list(engine: AsyncEngine) -> None:
    assert await listed(engine, computer="büro") == ["elsewhere"]
    assert await listed(engine, job="builder") == ["new"]
    assert await listed(engine, initiator="new") == ["headless"]


class Explain(Executable, ClauseElement):
    """Asks PostgreSQL how it would answer a query."""

    inherit_cache = False

    def __init__(self, query: Any) -> None:
        self.query = query


@compiles(Explain)
def explain(element: Explain, compiler: Any, **given: Any) -> str:
    return "EXPLAIN " + str(compiler.process(element.query, **given))


@pytest.mark.parametrize("after", [None, Place(NOW, "new"), Place(None, "never")])
async def test_a_part_of_the_list_is_found_by_the_index_and_nothing_is_sorted_for_it(
    target_engine: AsyncEngine, after: Place | None
) -> None:
    async with target_engine.connect() as connection:
        await connection.run_sync(schema.upgrade)
        await connection.exec_driver_sql("SET enable_seqscan = off")
        await connection.exec_driver_sql("SET enable_bitmapscan = off")
        query = _find_places((Session.session_id, Session.title), [true()], Reach(after, 10, 1000), 0)
        plan = "\n".join((await connection.scalars(Explain(query))).all())
    scans = re.findall(r"Index (?:Only )?Scan using (\w+) on .*\n +Index Cond: (.*)", plan)
    assert {index for index, _ in scans} == {"idx_sessions_last_activity"}, plan
    assert plan.count("Sort Key") == 1 + plan.count("One-Time Filter: false"), plan
    if after is not None and after.active is not None:
        assert any("last_activity <=" in condition for _, condition in scans), plan


OWNED = [
    session("ada's", 1),
    session("bob's", 2, owner_person="Bob", owner_uid=1001),
    session("bob's, shared", 3, owner_person="Bob", owner_uid=1001, visibility="shared"),
    session("bob's, with ada's number", 4, owner_person="Bob", owner_uid=1000),
    session("of a person who was renamed", 5, owner_person="Countess Ada", owner_uid=1000),
    session("ada's, from another machine", 6, owner_person="Ada", owner_uid=501),
    session("nobody's", 7, owner_person="Eve", owner_uid=1001),
    session("without an owner", 8, owner_person="", owner_uid=-1, visibility="shared", human_email="ada@example.com"),
]


@pytest.fixture
async def owned(engine: AsyncEngine) -> AsyncEngine:
    async with engine.begin() as connection:
        await connection.execute(delete(Session))
        await connection.execute(insert(Session), [{"visibility": "private", **row} for row in OWNED])
    return engine


async def test_people_see_what_is_theirs_or_shared_and_a_number_alone_takes_nothing_from_others(
    owned: AsyncEngine,
) -> None:
    seen = await listed(owned, Viewer("Ada", 1000, others=frozenset({"Bob"})))
    assert seen == ["ada's, from another machine", "of a person who was renamed", "bob's, shared", "ada's"]


@pytest.mark.parametrize("viewer", [Viewer("", -1), Viewer("Ada", 1000, email="ada@example.com")])
async def test_a_session_without_an_owner_is_seen_by_administrators_alone(owned: AsyncEngine, viewer: Viewer) -> None:
    assert "without an owner" not in await listed(owned, viewer)
    assert (await listed(owned, ADMIN))[0] == "without an owner"


async def test_an_empty_name_is_nobodys(owned: AsyncEngine) -> None:
    async with owned.begin() as connection:
        await connection.execute(
            insert(Session).values(session("with a number alone", 9, owner_person="", owner_uid=9))
        )
    assert "with a number alone" not in await listed(owned, Viewer("", 1000))
    assert "with a number alone" in await listed(owned, Viewer("Ada", 9))


async def test_an_administrator_sees_all_and_knows_which_are_somebody_elses(owned: AsyncEngine) -> None:
    viewer = Viewer("Ada", 1000, others=frozenset({"Bob"}), sees_all=True)
    async with Orm(owned) as orm:
        found = await list_sessions(orm, (Session.session_id,), SessionFilter(), viewer, ALL)
        own = {seen.columns["session_id"] for seen in found.sessions if seen.own}
    assert len(await listed(owned, viewer)) == len(OWNED)
    assert own == {"ada's, from another machine", "of a person who was renamed", "ada's"}


async def test_open_sessions_are_counted_by_how_long_they_have_been_idle(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        counted = await count_idle(connection, NOW + timedelta(days=3, minutes=4))
    idle = {"over_1_day": 6, "over_3_days": 3, "over_30_days": 0}
    assert counted == {"open": 7, **idle, "longest_since": (NOW + timedelta(minutes=1)).isoformat()}


async def test_nobody_changes_the_audit_log(engine: AsyncEngine) -> None:
    async with Orm(engine) as orm:
        await write_audit(orm, "Ada", "read_session", ["new"])
        await orm.commit()
    for statement in (update(AuditLog).values(actor_person="Eve"), delete(AuditLog)):
        with pytest.raises(DBAPIError, match="append-only"):
            async with engine.begin() as connection:
                await connection.execute(statement)
    async with engine.connect() as connection:
        assert (await connection.execute(select(AuditLog.actor_person))).all() == [("Ada",)]


async def test_nothing_is_allowed_but_to_remove_old_rows_in_a_transaction_that_says_so(
    target_engine: AsyncEngine,
) -> None:
    moments = {"old": datetime.now(UTC) - timedelta(days=31), "young": datetime.now(UTC) - timedelta(days=29)}
    async with target_engine.begin() as connection:
        await connection.run_sync(schema.upgrade)
        for name, moment in moments.items():
            noted = {"actor_person": "Ada", "action_type": "read", "target_session_id": name, "timestamp": moment}
            await connection.execute(insert(AuditLog).values(noted))
    of_old = "DELETE FROM audit_log WHERE target_session_id = 'old'"
    for setting, statement in (
        ("on", "UPDATE audit_log SET actor_person = 'Eve'"),
        ("on", "DELETE FROM audit_log"),
        ("off", of_old),
        ("", of_old),
        ("on", "TRUNCATE audit_log"),
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            async with target_engine.begin() as connection:
                await connection.execute(text(f"SET LOCAL teleclaude.expire_audit = '{setting}'"))
                await connection.execute(text(statement))
