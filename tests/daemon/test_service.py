"""What a caller is and sees by the headers of a request: system-wide they mean nothing."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.config.schema import Person, Settings
from teleclaude.daemon.identity import Account, Role
from teleclaude.daemon.service import Service
from teleclaude.db.engine import make_engine
from teleclaude.db.url import parse_url

ADA = Person(name="Ada", email="ada@example.com", username="ada", role="admin")
BOB = Person(name="Bob", email="bob@example.com", username="bob")
VISITOR = {"X-Web-User-Email": "eve@example.com", "X-Web-User-Role": "member"}


@pytest.fixture
def engine() -> AsyncEngine:
    return make_engine(parse_url("sqlite:///:memory:"))


@pytest.fixture
def system(engine: AsyncEngine) -> Service:
    return Service(engine, Settings(agents={}, people=(ADA, BOB)), uid=990)


@pytest.fixture
def own(engine: AsyncEngine) -> Service:
    return Service(engine, Settings(agents={}, people=(ADA,)), single_user=True, uid=1000)


def test_the_headers_of_the_web_interface_change_nothing_system_wide(system: Service) -> None:
    caller = system.identify(Account(1001, "bob"), VISITOR)
    assert (caller.person, caller.role) == ("Bob", Role.MEMBER)
    assert system.view(caller, VISITOR) == system.view(caller, {})


def test_system_wide_an_administrator_sees_all_sessions_and_owns_only_their_own(system: Service) -> None:
    viewer = system.view(system.identify(Account(1000, "ada"), {}), {})
    assert (viewer.sees_all, viewer.owns_all, viewer.others) == (True, False, frozenset({"Bob"}))


def test_the_user_of_a_single_user_installation_owns_everything(own: Service) -> None:
    viewer = own.view(own.identify(Account(1000, "ada"), {}), {})
    assert (viewer.sees_all, viewer.owns_all) == (True, True)


@pytest.mark.parametrize(("role", "sees_all", "sees_shared"), [("admin", True, True), ("member", False, True)])
def test_a_visitor_of_the_web_interface_sees_as_much_as_their_role(
    own: Service, role: str, sees_all: bool, sees_shared: bool
) -> None:
    headers = {**VISITOR, "X-Web-User-Role": role}
    viewer = own.view(own.identify(Account(1000, "ada"), headers), headers)
    assert (viewer.owns_all, viewer.sees_all, viewer.sees_shared) == (False, sees_all, sees_shared)
    assert viewer.email == "eve@example.com"


def test_a_visitor_without_a_role_has_the_least(own: Service) -> None:
    headers = {"X-Web-User-Email": "eve@example.com"}
    assert own.identify(Account(1000, "ada"), headers).role is Role.CUSTOMER
    assert not own.view(own.identify(Account(1000, "ada"), headers), headers).sees_shared
