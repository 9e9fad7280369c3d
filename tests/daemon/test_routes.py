"""What the daemon does for those who may: the same on both databases."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import URL, func, insert, select

from teleclaude.daemon.routes import sessions
from teleclaude.db.models import (
    HookOutbox,
    MemoryManualSession,
    MemoryObservation,
    MigrationRun,
    Mirror,
    Session,
    SessionToken,
)
from teleclaude.db.store import lengths
from teleclaude.db.url import parse_url
from tests.support.house import NOW, House, opened, put_sessions, read, row


@pytest.fixture(params=["sqlite", "postgresql"])
async def house(request: pytest.FixtureRequest, tmp_path: Path, target: URL) -> AsyncIterator[House]:
    url = target if request.param == "postgresql" else parse_url(f"sqlite:///{tmp_path / 'x.db'}")
    async with opened(url, single_user=request.param == "sqlite") as house:
        yield house


async def ok(house: House, method: str, path: str, body: Any = None, **headers: Any) -> Any:
    status, answer = await house.ask(method, path, body, **headers)
    assert status in (200, 201, 202), answer
    return answer


async def test_a_session_is_created_changed_listed_and_closed(house: House) -> None:
    made = await ok(house, "POST", "/sessions", {"title": "Büro", "session_metadata": {"job": "builder", "n": 2**60}})
    assert (made["title"], made["status"], made["computer"]) == ("Büro", "active", "workshop")
    path = f"/sessions/{made['session_id']}"
    changed = await ok(house, "PATCH", path, {"title": None, "last_input": "hello", "visibility": "shared"})
    assert (changed["title"], changed["last_input"], changed["visibility"]) == ("", "hello", "shared")
    assert changed["last_input_at"] >= made["created_at"]
    assert await ok(house, "GET", "/sessions?job=builder") == [changed]
    assert await ok(house, "GET", path) == changed
    closed = await ok(house, "DELETE", path)
    assert closed["status"] == "closed"
    assert await ok(house, "GET", "/sessions") == []
    assert await ok(house, "GET", "/sessions?closed=true") == [closed]


async def test_what_a_change_does_not_name_stays(house: House) -> None:
    made = await ok(house, "POST", "/sessions", {"title": "one", "subdir": "src"})
    changed = await ok(house, "PATCH", f"/sessions/{made['session_id']}", {"title": "two"})
    assert changed == made | {"title": "two", "last_activity": changed["last_activity"]}


async def test_closing_twice_changes_nothing_and_revokes_the_tokens(house: House) -> None:
    await put_sessions(house, row("s", "Ada", 0))
    token = {"token": "t", "session_id": "s", "principal": "human:x", "role": "member"}
    async with house.engine.begin() as connection:
        await connection.execute(insert(SessionToken).values(**token, issued_at=NOW, expires_at=NOW))
    first, second = await ok(house, "DELETE", "/sessions/s"), await ok(house, "DELETE", "/sessions/s")
    assert first["closed_at"] == second["closed_at"]
    assert await read(house, select(func.count()).where(SessionToken.revoked_at.is_not(None))) == [(1,)]


async def test_a_session_without_a_title_has_the_name_of_its_computer(house: House) -> None:
    assert (await ok(house, "POST", "/sessions", {"computer": "büro"}))["title"] == "[büro] Untitled"


async def test_what_is_not_known_is_answered_as_the_single_user_daemon_did(house: House) -> None:
    await put_sessions(house, row("s", "Ada", 0, title=None, thinking_mode=None, lifecycle_status=None))
    (found,) = await ok(house, "GET", "/sessions?closed=true")
    assert (found["title"], found["thinking_mode"], found["status"]) == ("", "slow", "active")


async def test_local_is_the_name_of_this_computer(house: House) -> None:
    await put_sessions(house, row("here", "Ada", 0), row("there", "Ada", 0, computer_name="attic"))
    assert [found["session_id"] for found in await ok(house, "GET", "/sessions?computer=local")] == ["here"]


async def test_an_id_is_given_once(house: House) -> None:
    await ok(house, "POST", "/sessions", {"session_id": "mine"})
    status, answer = await house.ask("POST", "/sessions", {"session_id": "mine"})
    assert (status, answer["error"]) == (409, "there is a session mine already")


async def test_an_agent_lists_what_its_session_began(house: House) -> None:
    await ok(house, "POST", "/sessions", {"session_id": "child", "initiator_session_id": "me"})
    await ok(house, "POST", "/sessions", {"session_id": "other"})
    assert [s["session_id"] for s in await ok(house, "GET", "/sessions", X_Caller_Session_Id="me")] == ["child"]
    assert len(await ok(house, "GET", "/sessions?all=1", X_Caller_Session_Id="me")) == 2


async def test_pages_are_the_whole_list_in_its_order_whatever_it_is_ordered_by(house: House) -> None:
    moments = [NOW, None, NOW - timedelta(days=1), NOW, None, NOW, NOW - timedelta(days=1)]
    await put_sessions(house, *(row(f"s{n}", "Ada", 0, last_activity=moment) for n, moment in enumerate(moments)))
    if house.engine.dialect.name == "sqlite":
        # What SQLite itself writes has no fraction of a second.
        async with house.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE sessions SET last_activity = datetime(last_activity)")
    listed = [session["session_id"] for session in await ok(house, "GET", "/sessions")]
    assert listed == ["s0", "s3", "s5", "s2", "s6", "s1", "s4"]
    for place, name in enumerate(listed):
        page = await ok(house, "GET", f"/sessions?limit=3&after={name}")
        assert [session["session_id"] for session in page] == listed[place + 1 : place + 4]


async def test_a_page_after_what_is_not_there_is_no_end_of_the_list(house: House) -> None:
    status, answer = await house.ask("GET", "/sessions?after=none")
    assert (status, answer["error"]) == (404, "there is no session none")


async def test_a_list_of_many_parts_is_one_array_in_its_order_and_each_session_is_there_once(house: House) -> None:
    number = 2 * lengths.PART + 1
    rows = [row(f"s{n:04}", "Ada", 0, last_activity=NOW - timedelta(n // 3) if n % 7 else None) for n in range(number)]
    await put_sessions(house, *rows)
    whole = await ok(house, "GET", "/sessions")
    dated = [each["session_id"] for each in rows if each["last_activity"]]
    undated = [each["session_id"] for each in rows if not each["last_activity"]]
    assert [session["session_id"] for session in whole] == dated + undated
    assert await ok(house, "GET", f"/sessions?limit={lengths.PART + 5}") == whole[: lengths.PART + 5]
    assert await ok(house, "GET", f"/sessions?offset={lengths.PART + 5}") == whole[lengths.PART + 5 :]


async def test_a_list_has_the_beginning_of_a_long_text_and_the_session_has_it_whole(house: House) -> None:
    long, document = "ü" * 1_500_000, {"x": "y" * lengths.LONGEST_TEXT}
    put = row("s", "Ada", 0, title=long, last_output_raw=long, last_message_sent="x", session_metadata=document)
    await put_sessions(house, put, row("t", "Ada", 0, title="x"))
    first, second = await ok(house, "GET", "/sessions")
    assert sorted(first["cut"]) == ["last_output_summary", "session_metadata", "title"]
    assert first["title"] == first["last_output_summary"] == "ü" * (lengths.LONGEST_TEXT // 2)
    assert (first["session_metadata"], first["last_input"]) == (None, "x")
    assert (second["title"], second["cut"]) == ("x", [])
    whole = await ok(house, "GET", "/sessions/s")
    assert (whole["title"], whole["session_metadata"], whole["cut"]) == (long, document, [])
    assert (await ok(house, "PATCH", "/sessions/s", {"subdir": "src"}))["cut"] == first["cut"]
    assert (await ok(house, "GET", "/sessions/s"))["title"] == long


async def test_a_list_of_observations_has_the_beginning_of_a_long_text_and_a_batch_has_it_whole(house: House) -> None:
    long = "needle " * 200_000
    parent = {"memory_session_id": "m", "project": "teleclaude", "type": "discovery", "created_at": NOW}
    async with house.engine.begin() as connection:
        for epoch in range(3):
            values = {**parent, "created_at_epoch": epoch, "narrative": long, "facts": ["x"]}
            await connection.execute(insert(MemoryObservation).values(values))
    for path in ("search?query=needle", "timeline?anchor=2"):
        listed = await ok(house, "GET", f"/api/memory/{path}")
        assert [(len(each["narrative"]), each["cut"]) for each in listed] == [(lengths.LONGEST_TEXT, ["narrative"])] * 3
    batch = await ok(house, "POST", "/api/memory/batch", {"ids": [999, 3, 1, 3]})
    assert [(each["id"], each["narrative"], each["cut"]) for each in batch] == [(3, long, []), (1, long, [])]
    assert (await ok(house, "DELETE", "/api/memory/1"))["narrative"] == long


@pytest.mark.parametrize("number", [1, 2])
async def test_an_account_has_so_many_open_sessions_and_those_that_a_migration_brought_do_not_count(
    target: URL, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", number)
    async with opened(target) as house:
        _, me = await house.ask("GET", "/auth/whoami")
        await put_sessions(house, *(row(f"old{n}", me["person"], me["uid"], created_at=NOW) for n in range(5)))
        run = {"run_id": "r", "state": "complete", "source": "", "source_sha256": "", "started_at": func.now()}
        async with house.engine.begin() as connection:
            await connection.execute(insert(MigrationRun).values(run))
        for _ in range(number):
            made = await ok(house, "POST", "/sessions", {})
        status, answer = await house.ask("POST", "/sessions", {})
        assert (status, answer["error"]) == (400, f"you have {number} open sessions, and no account may have more")
        await ok(house, "DELETE", f"/sessions/{made['session_id']}")
        await ok(house, "POST", "/sessions", {})


async def remember(house: House, text: str, **values: Any) -> int:
    return int((await ok(house, "POST", "/api/memory/save", {"text": text, **values}))["id"])


async def test_what_is_remembered_is_found_read_and_forgotten(house: House) -> None:
    one = await remember(house, "Deploys run at noon\nand never on Friday", facts=["noon"], type="decision")
    two = await remember(house, "Zürich is far", project="travel")
    assert [o["id"] for o in await ok(house, "GET", "/api/memory/search?query=zurich")] == [two]
    assert await ok(house, "GET", "/api/memory/search?query=zurich&project=teleclaude") == []
    batch = await ok(house, "POST", "/api/memory/batch", {"ids": [two, 999, one]})
    assert [(o["id"], o["title"], o["facts"], o["type"]) for o in batch] == [
        (two, "Zürich is far", [], "discovery"),
        (one, "Deploys run at noon", ["noon"], "decision"),
    ]
    assert (await ok(house, "DELETE", f"/api/memory/{one}"))["id"] == one
    assert await ok(house, "GET", "/api/memory/search?query=noon") == []
    assert (await house.ask("DELETE", f"/api/memory/{one}"))[0] == 404


async def test_a_project_has_one_parent_for_all_its_observations(house: House) -> None:
    for text in ("one", "two"):
        await remember(house, text)
    assert await read(house, select(MemoryManualSession.project)) == [("teleclaude",)]


async def test_the_timeline_is_what_was_learned_around_a_moment_in_its_order(house: House) -> None:
    ids = [await remember(house, f"number {number}") for number in range(6)]
    await remember(house, "elsewhere", project="other")
    around = f"/api/memory/timeline?anchor={ids[3]}"
    found = await ok(house, "GET", f"{around}&depth_before=2&depth_after=1")
    assert [o["id"] for o in found] == ids[1:5]
    assert [o["id"] for o in await ok(house, "GET", f"{around}&project=teleclaude")] == ids
    assert len(await ok(house, "GET", around)) == 7
    assert await ok(house, "GET", "/api/memory/timeline?anchor=999") == []


@pytest.mark.parametrize(
    "query", ['"', "((((", "a NEAR", "%", "\N{GREEK SMALL LETTER ALPHA}*", "'; --", "(" * 900, "a OR " * 190 + "a"]
)
async def test_a_search_for_anything_is_answered(house: House, query: str) -> None:
    await remember(house, "a")
    for place in ("memory/search?query", "mirrors/search?q"):
        status, _ = await house.ask("GET", f"/api/{place}={quote(query)}")
        assert status == 200


async def test_conversations_are_found_with_the_words_around(house: House) -> None:
    mirror = {"session_id": "s", "computer": "w", "agent": "claude", "created_at": NOW, "updated_at": NOW}
    text = " ".join(f"word{number}" for number in range(50)) + " Needle in " + "hay " * 50
    async with house.engine.begin() as connection:
        await connection.execute(insert(Mirror).values(**mirror, conversation_text=text))
    (found,) = await ok(house, "GET", "/api/mirrors/search?q=needle%20hay")
    assert found["topic"] == "word48 word49 Needle in " + " ".join(["hay"] * 8)
    assert found["sort_timestamp"] == NOW.isoformat()
    assert await ok(house, "GET", "/api/mirrors/search?q=needle&agent=codex") == []
    assert len(await ok(house, "GET", "/api/mirrors/search?q=needle&agent=all")) == 1


async def test_a_setting_is_set_and_read_again(house: House) -> None:
    assert (await house.ask("GET", "/system-settings/theme"))[0] == 404
    for value in ("dark", "hell"):
        await ok(house, "PUT", "/system-settings/theme", {"value": value})
    assert await ok(house, "GET", "/system-settings/theme") == {"key": "theme", "value": "hell"}
    assert await ok(house, "GET", "/system-settings") == {"theme": "hell"}


async def test_an_event_is_in_the_database_when_it_is_acknowledged(house: House) -> None:
    await put_sessions(house, row("s", "Ada", 0))
    event = {"session_id": "s", "event_type": "agent_stop", "payload": {"deep": [{"ü": 1.5}]}}
    kept = await ok(house, "POST", "/hooks", event)
    columns = (HookOutbox.id, HookOutbox.payload, HookOutbox.delivered_at)
    assert await read(house, select(*columns)) == [(kept["id"], event["payload"], None)]


async def test_an_event_of_no_session_is_refused(house: House) -> None:
    assert (await house.ask("POST", "/hooks", {"session_id": "none", "event_type": "agent_stop"}))[0] == 404


BAD: list[tuple[str, str, Any, str]] = [
    ("POST", "/sessions", {"title": "a\0b"}, "NUL"),
    ("POST", "/sessions", {"session_metadata": {"a": {"b\0": 1}}}, "NUL"),
    ("POST", "/sessions", {"title": 1}, "title"),
    ("POST", "/sessions", {"titel": "x"}, "titel"),
    ("POST", "/sessions", {"session_id": "x" * 501}, "session_id"),
    ("POST", "/sessions", {"title": "x" * 501}, "title: String should have at most 500 characters"),
    ("POST", "/sessions", {"subdir": "ü" * 32769}, "subdir: is longer than 65536 bytes"),
    ("POST", "/sessions", {"session_metadata": {"a": "x" * 16384}}, "session_metadata: is longer than 16384 bytes"),
    ("PATCH", "/sessions/s", {"last_input": "x" * 65537}, "last_input: is longer than 65536 bytes"),
    ("POST", "/api/memory/save", {"text": "x" * 65537}, "text: is longer than 65536 bytes"),
    ("POST", "/api/memory/save", {"text": "x", "facts": ["x" * 40000] * 2}, "facts: is longer than 65536 bytes"),
    ("PUT", "/system-settings/a", {"value": "x" * 65537}, "value: is longer than 65536 bytes"),
    ("POST", "/sessions", [], "no JSON object"),
    ("POST", "/sessions", None, "not JSON"),
    ("GET", "/sessions?computer=a%00b", None, "NUL"),
    ("GET", "/sessions?closed=perhaps", None, "closed"),
    ("GET", "/sessions/a?page%1b=1", None, "page\\x1b"),
    ("GET", "/sessions/a%00b", None, "NUL"),
    ("GET", "/api/memory/search", None, "query"),
    ("GET", "/api/memory/search?query=a&limit=0", None, "limit"),
    ("GET", f"/api/memory/timeline?anchor={2**63}", None, "anchor"),
    ("POST", "/api/memory/save", {"text": "x", "type": "rumour"}, "type"),
    ("POST", "/api/memory/batch", {"ids": [1] * 1001}, "ids"),
    ("PUT", "/system-settings/a", {}, "value"),
    ("POST", "/hooks", {"session_id": "s", "event_type": ""}, "event_type"),
]


@pytest.mark.parametrize(("method", "path", "body", "named"), BAD)
async def test_what_does_not_fit_is_refused_in_a_sentence_that_names_it(
    house: House, method: str, path: str, body: Any, named: str
) -> None:
    status, answer = await house.ask(method, path, body)
    assert (status, set(answer)) == (400, {"error", "hint", "detail"}), answer
    assert named in answer["error"] == answer["detail"]


async def test_a_number_that_no_database_can_hold_is_refused_on_both(house: House) -> None:
    status, answer = await house.ask("GET", f"/sessions?offset={10**30}")
    assert (status, answer["error"]) == (400, "the database cannot hold a value of the request")


async def test_what_is_not_there_and_what_is_not_asked_so_are_sentences(house: House) -> None:
    assert await house.ask("GET", "/sessions/none") == (
        404,
        {
            "error": "there is no session none",
            "hint": "teleclaude sessions --closed lists all of yours",
            "detail": "there is no session none",
        },
    )
    for path, method, status in (("/nowhere", "GET", 404), ("/health", "DELETE", 405)):
        found, answer = await house.ask(method, path)
        assert (found, set(answer)) == (status, {"error", "hint", "detail"})


async def test_the_owner_of_every_new_session_is_set(house: House) -> None:
    await ok(house, "POST", "/sessions", {})
    ((person, uid),) = await read(house, select(Session.owner_person, Session.owner_uid))
    assert person
    assert uid is not None


async def test_the_web_interface_of_a_single_user_sees_for_its_visitor_only_what_is_theirs(tmp_path: Path) -> None:
    async with opened(parse_url(f"sqlite:///{tmp_path / 'x.db'}"), single_user=True) as house:
        await put_sessions(
            house,
            row("hers", "Ada", 0, human_email="ada@example.com"),
            row("his", "Ada", 0, human_email="bob@example.com"),
            row("shared", "Ada", 0, visibility="shared"),
        )

        async def seen(**headers: str) -> set[str]:
            return {session["session_id"] for session in await ok(house, "GET", "/sessions", **headers)}

        ada: dict[str, Any] = {"X_Web_User_Email": "ada@example.com"}
        assert await seen() == {"hers", "his", "shared"}
        assert await seen(**ada, X_Web_User_Role="admin") == {"hers", "his", "shared"}
        assert await seen(**ada, X_Web_User_Role="member") == {"hers", "shared"}
        assert await seen(**ada) == {"hers"}
        assert (await house.ask("PUT", "/system-settings/a", {"value": "b"}, **ada))[0] == 403
