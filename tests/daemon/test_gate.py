"""Who may connect, by the numbers alone."""

import resource

from teleclaude.daemon import problems
from teleclaude.daemon.gate import MOST_CONNECTIONS, MOST_UNKNOWN, Gate, read_most
from teleclaude.daemon.identity import Role

ADMIN, MEMBER, STRANGER = 0, 1000, 5000


def make_gate(most: int = 400) -> Gate:
    return Gate({ADMIN: Role.ADMIN, MEMBER: Role.MEMBER}, most)


def test_all_accounts_that_nobody_knows_share_one_allowance() -> None:
    gate = make_gate()
    refused = [gate.enter(STRANGER + number) for number in range(MOST_UNKNOWN + 1)]
    assert refused == [None] * MOST_UNKNOWN + [problems.UNKNOWN_HAVE_TOO_MANY]
    assert gate.enter(MEMBER) is None
    gate.leave(STRANGER)
    assert gate.enter(STRANGER + 99) is None


def test_one_account_has_so_many_connections_and_takes_none_from_another() -> None:
    gate = make_gate()
    refused = [gate.enter(MEMBER) for _ in range(MOST_CONNECTIONS + 1)]
    assert refused == [None] * MOST_CONNECTIONS + [problems.TOO_MANY_CONNECTIONS]
    assert gate.enter(ADMIN) is None


def test_when_it_is_nearly_full_only_an_administrator_is_let_in_and_when_it_is_full_nobody() -> None:
    gate = make_gate(most=8)
    assert [gate.enter(MEMBER) for _ in range(7)] == [None] * 6 + [problems.FULL]
    assert [gate.enter(ADMIN) for _ in range(3)] == [None, None, problems.FULL]


def test_who_leaves_is_forgotten() -> None:
    gate = make_gate()
    gate.enter(STRANGER)
    gate.leave(STRANGER)
    assert gate.open == {}


def test_there_are_fewer_connections_than_files_may_be_open() -> None:
    assert 0 < read_most() < resource.getrlimit(resource.RLIMIT_NOFILE)[0]
