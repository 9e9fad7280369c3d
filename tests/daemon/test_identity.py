"""Who calls, and what they may: by the pure function, and as real users over the real socket."""

import logging
import os
import pwd
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import URL, func, insert, select

from teleclaude.config.schema import Person
from teleclaude.daemon.identity import Account, Role, identify, narrow, read_account, read_roles
from teleclaude.daemon.routes import ROUTES
from teleclaude.db.models import AuditLog, Session, SessionToken
from teleclaude.errors import RequestError
from tests.support.house import House, Request, account_names, as_root, opened, put_sessions, read, row

SERVICE = 990
NO_ACCOUNT = 54321
WEB = {"X-Web-User-Email": "ada@example.com", "X-Web-User-Role": "admin", "X-Telec-Email": "ada@example.com"}


def person(name: str, role: str = "member", username: str | None = None) -> Person:
    values = {"name": name, "email": f"{name.lower()}@example.com", "role": role, "username": username}
    return Person.model_validate(values)


PEOPLE = [person("Ada", "admin", "ada"), person("Bob", "member", "bob"), person("Cy")]


@pytest.mark.parametrize(
    ("account", "name", "role"),
    [
        (Account(1000, "ada"), "Ada", Role.ADMIN),
        (Account(1001, "bob"), "Bob", Role.MEMBER),
        (Account(0, "root"), "root", Role.ADMIN),
        (Account(SERVICE, "teleclaude"), "teleclaude", Role.ADMIN),
    ],
)
def test_an_account_is_the_person_with_its_username_or_the_operator(account: Account, name: str, role: Role) -> None:
    caller = identify(account, PEOPLE, SERVICE, single_user=False)
    assert (caller.person, caller.role, caller.uid) == (name, role, account.uid)


@pytest.mark.parametrize("account", [Account(1002, "eve"), Account(1003, "cy"), Account(1003, "Ada"), Account(7, None)])
def test_everybody_else_is_unknown(account: Account) -> None:
    with pytest.raises(RequestError) as refused:
        identify(account, PEOPLE, SERVICE, single_user=False)
    assert refused.value.status == 403
    assert refused.value.problem.hint


def test_a_username_of_two_people_is_nobodys() -> None:
    with pytest.raises(RequestError, match="2 people in the configuration have the username bob"):
        identify(Account(1001, "bob"), [*PEOPLE, person("Bert", "admin", "bob")], SERVICE, single_user=False)


@given(name=st.none() | st.text(), uid=st.integers(1, 2**32 - 1))
def test_nobody_is_an_administrator_who_is_not_configured_as_one(name: str | None, uid: int) -> None:
    try:
        caller = identify(Account(uid, name), PEOPLE, SERVICE, single_user=False)
    except RequestError:
        return
    assert uid == SERVICE or (name, caller.role) in (("ada", Role.ADMIN), ("bob", Role.MEMBER))


def test_a_single_user_installation_is_its_users_and_nobody_elses() -> None:
    caller = identify(Account(1000, "ada"), [person("Countess")], 1000, single_user=True)
    assert (caller.person, caller.role) == ("Countess", Role.ADMIN)
    with pytest.raises(RequestError):
        identify(Account(1001, "bob"), PEOPLE, 1000, single_user=True)


@given(st.sampled_from(Role), st.sampled_from(Role) | st.text())
def test_a_token_never_widens(own: Role, said: str) -> None:
    caller = identify(Account(1000, "ada"), [person("Ada", "admin", "ada")], SERVICE, single_user=False)
    mine = narrow(caller, own)
    roles = list(Role)
    assert roles.index(narrow(mine, said).role) >= roles.index(mine.role)


def test_an_account_is_found_by_its_number() -> None:
    assert read_account(os.geteuid()).name == pwd.getpwuid(os.geteuid()).pw_name
    assert read_account(NO_ACCOUNT) == Account(NO_ACCOUNT, None)


@pytest.fixture
async def house(target: URL) -> AsyncIterator[House]:
    """Let the first accounts of this machine be an administrator, a member, a contributor and a newcomer."""
    roles = ("admin", "member", "contributor", "newcomer")
    accounts = account_names()[: len(roles)]
    people = [person(role.title(), role, name) for role, name in zip(roles, accounts, strict=True)]
    async with opened(target, people, uid=SERVICE) as house:
        await put_sessions(
            house,
            row("admin's", "Admin", uid_of(house, "admin")),
            row("member's", "Member", uid_of(house, "member")),
            row("shared", "Contributor", uid_of(house, "contributor"), visibility="shared"),
            row("contributor's", "Contributor", uid_of(house, "contributor")),
        )
        yield house


def uid_of(house: House, role: str) -> int:
    (found,) = (person for person in house.service.settings.people if person.role == role)
    assert found.username is not None
    return pwd.getpwnam(found.username).pw_uid


async def seen(house: House, role: str, **headers: str) -> set[str]:
    status, sessions = await house.ask("GET", "/sessions?closed=true", uid=uid_of(house, role), **headers)
    assert status == 200, sessions
    return {session["session_id"] for session in sessions}


async def audited(house: House) -> list[tuple[Any, ...]]:
    columns = (AuditLog.actor_person, AuditLog.action_type, AuditLog.target_session_id)
    return await read(house, select(*columns).order_by(AuditLog.id))


@as_root
async def test_people_see_their_own_and_shared_sessions_and_administrators_all(house: House) -> None:
    assert await seen(house, "member") == {"member's", "shared"}
    assert await seen(house, "newcomer") == {"shared"}
    assert await audited(house) == []
    assert len(await seen(house, "admin")) == 4


@as_root
async def test_what_an_administrator_reads_of_others_is_in_the_audit_log(house: House) -> None:
    admin = uid_of(house, "admin")
    await house.ask("GET", "/sessions/admin's", uid=admin)
    assert await audited(house) == []
    await house.ask("GET", "/sessions/member's", uid=admin)
    await house.ask("GET", "/sessions", uid=admin)
    assert await audited(house) == [("Admin", "read_session", "member's"), ("Admin", "list_session", None)]


@as_root
async def test_root_is_an_operator_whose_reading_is_noted_too(house: House) -> None:
    assert (await house.ask("GET", "/sessions/member's", uid=0))[0] == 200
    assert await audited(house) == [("root", "read_session", "member's")]


@as_root
@pytest.mark.parametrize("uid", [pytest.param(None, id="a stranger"), pytest.param(NO_ACCOUNT, id="no account")])
async def test_unknown_callers_get_nothing_from_any_route_but_one_sentence(
    house: House, uid: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "teleclaude.daemon.api")
    stranger = pwd.getpwnam(account_names()[5]).pw_uid if uid is None else uid
    paths = [(route.method, re.sub("{.*}", "1", route.path)) for route in ROUTES]
    requests: list[Request] = [
        (method, path, WEB, None) for method, path in [*paths, ("GET", "/nowhere"), ("PUT", "/health")]
    ]
    for status, body in await house.ask_all(stranger, requests):
        assert status == 403
        assert set(body) == {"error", "hint", "detail"}
    assert {vars(record)["fields"]["uid"] for record in caplog.records if record.message == "request"} == {stranger}
    assert await audited(house) == []


@as_root
@pytest.mark.parametrize("role", ["admin", "member", "contributor", "newcomer"])
async def test_every_route_answers_the_roles_of_the_table_and_no_others(house: House, role: str) -> None:
    # A body that fits no route, so that nothing is done: who may not ask is told so before it is looked at.
    requests: list[Request] = [(route.method, re.sub("{.*}", "1", route.path), {}, {"?": 1}) for route in ROUTES]
    replies = await house.ask_all(uid_of(house, role), requests)
    for route, (status, body) in zip(ROUTES, replies, strict=True):
        may_not = status == 403 and f"which may not {route.method} {route.path}" in body["error"]
        assert may_not == (Role(role) not in route.roles), (route.path, status, body)


@as_root
async def test_headers_of_the_old_web_interface_make_nobody_another(house: House) -> None:
    named = {name.replace("-", "_"): value for name, value in WEB.items()}
    assert await seen(house, "member", **named) == {"member's", "shared"}
    _, whoami = await house.ask("GET", "/auth/whoami", uid=uid_of(house, "member"), **named)
    assert (whoami["person"], whoami["role"]) == ("Member", "member")


@as_root
async def test_nobody_reads_or_changes_what_is_somebody_elses(house: House) -> None:
    member = uid_of(house, "member")
    for method in ("GET", "PATCH", "DELETE"):
        assert (await house.ask(method, "/sessions/admin's", {}, uid=member))[0] == 404
        assert (await house.ask(method, "/sessions/shared", {}, uid=member))[0] == (200 if method == "GET" else 403)
    assert (await house.ask("GET", "/sessions?after=admin's", uid=member))[0] == 404
    event = {"session_id": "admin's", "event_type": "tool_use"}
    assert (await house.ask("POST", "/hooks", event, uid=member))[0] == 404
    assert {closed for (closed,) in await read(house, select(Session.closed_at))} == {None}


@as_root
async def test_a_new_session_is_its_callers_whatever_the_request_says(house: House) -> None:
    member = uid_of(house, "member")
    status, body = await house.ask("POST", "/sessions", {"owner_person": "Admin"}, uid=member)
    assert (status, "owner_person" in body["error"]) == (400, True)
    _, made = await house.ask("POST", "/sessions", {"title": "mine"}, uid=member)
    owner = select(Session.owner_person, Session.owner_uid).where(Session.session_id == made["session_id"])
    assert await read(house, owner) == [("Member", member)]
    assert made["session_id"] not in await seen(house, "contributor")


@as_root
async def test_whether_somebody_elses_session_is_there_is_told_by_no_route(house: House) -> None:
    def ask_all(session_id: str) -> list[Request]:
        event = {"session_id": session_id, "event_type": "tool_use"}
        path = f"/sessions/{session_id}"
        return [
            ("POST", "/sessions", {}, {"session_id": session_id}),
            ("GET", path, {}, None),
            ("PATCH", path, {}, {"title": "mine"}),
            ("DELETE", path, {}, None),
            ("POST", "/hooks", {}, event),
            ("GET", f"/sessions?after={session_id}", {}, None),
            ("GET", "/sessions", {"X-Caller-Session-Id": session_id}, None),
        ]

    member = uid_of(house, "member")
    theirs = await house.ask_all(member, ask_all("admin's"))
    nobodys = await house.ask_all(member, ask_all("nobody's"))
    assert str(theirs).replace("admin's", "nobody's") == str(nobodys)
    assert [status for status, _ in theirs] == [403, 404, 404, 404, 404, 404, 200]


def test_the_accounts_of_people_are_known_before_they_call() -> None:
    mine, other = (Account(pwd.getpwnam(name).pw_uid, name) for name in account_names()[:2])
    people = [person("Ada", "admin", mine.name), person("Bob", "member", other.name), person("Eve", "member", "no one")]
    assert read_roles([*people, person("Mail", "member", None)]) == {mine.uid: Role.ADMIN, other.uid: Role.MEMBER}


async def put_token(house: House, token: str, role: str, **values: Any) -> None:
    given = {"token": token, "session_id": "admin's", "principal": "human:x", "role": role, "issued_at": func.now()}
    async with house.engine.begin() as connection:
        later = func.now() + timedelta(hours=1)
        await connection.execute(insert(SessionToken).values({**given, "expires_at": later, **values}))


@as_root
async def test_a_token_narrows_an_administrator_and_lifts_no_member(house: House) -> None:
    await put_token(house, "of a member", "member")
    await put_token(house, "of an admin", "admin")
    assert await seen(house, "admin", X_Session_Token="of a member") == {"admin's", "shared"}
    assert await seen(house, "member", X_Session_Token="of an admin") == {"member's", "shared"}


@as_root
async def test_a_token_that_is_none_is_refused(house: House) -> None:
    await put_token(house, "old", "admin", expires_at=func.now())
    await put_token(house, "revoked", "admin", revoked_at=func.now())
    for token in ("old", "revoked", "unheard of", ""):
        assert (await house.ask("GET", "/sessions", uid=uid_of(house, "admin"), X_Session_Token=token))[0] == 401


async def test_we_are_who_the_configuration_says_over_the_real_socket(target: URL) -> None:
    name = pwd.getpwuid(os.geteuid()).pw_name
    async with opened(target, [person("Me", "newcomer", name)], uid=SERVICE) as house:
        _, whoami = await house.ask("GET", "/auth/whoami")
    assert whoami["person"] == "Me"
    assert whoami["role"] == ("admin" if os.geteuid() == 0 else "newcomer")
