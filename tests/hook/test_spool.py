"""Events that wait are kept whole, sent in order, and within limits."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from teleclaude.hook import spool


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return spool.find_spool({"XDG_STATE_HOME": str(tmp_path)})


def keep(folder: str, *events: bytes) -> None:
    for event in events:
        spool.keep(folder, event)


def answering(sent: list[bytes], *statuses: int | None) -> Callable[[bytes], int | None]:
    left = iter(statuses)

    def send(event: bytes) -> int | None:
        sent.append(event)
        return next(left)

    return send


def test_the_folder_is_the_users_alone(folder: str) -> None:
    keep(folder, b"1")
    (file,) = Path(folder).glob("*.json")
    assert [path.stat().st_mode & 0o777 for path in (Path(folder), file)] == [0o700, 0o600]


def test_what_waits_is_sent_in_order_once(folder: str) -> None:
    sent: list[bytes] = []
    keep(folder, b"1", b"2", b"3")
    assert spool.send_waiting(folder, answering(sent, 202, 202, 202))
    assert spool.send_waiting(folder, answering(sent))
    assert sent == [b"1", b"2", b"3"]


@pytest.mark.parametrize("status", [None, 503])
def test_without_an_answer_nothing_more_is_sent_and_all_of_it_stays(folder: str, status: int | None) -> None:
    sent: list[bytes] = []
    keep(folder, b"1", b"2")
    assert not spool.send_waiting(folder, answering(sent, status))
    assert (sent, len(spool.find_waiting(folder))) == ([b"1"], 2)


def test_an_event_that_meets_a_bug_stays_and_does_not_stop_the_others(folder: str) -> None:
    sent: list[bytes] = []
    keep(folder, b"1", b"2")
    assert spool.send_waiting(folder, answering(sent, 500, 202))
    assert (sent, len(spool.find_waiting(folder))) == ([b"1", b"2"], 1)


@pytest.mark.parametrize("status", [400, 403, 404, 413])
def test_an_event_that_is_refused_for_good_leaves_and_is_counted(folder: str, status: int) -> None:
    keep(folder, b"1")
    assert spool.send_waiting(folder, answering([], status))
    assert spool.find_waiting(folder) == []
    assert spool.read_counts(folder) == {"dropped": 0, "refused": 1}


def test_beyond_a_limit_the_oldest_are_dropped_and_counted(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MOST_EVENTS", 3)
    monkeypatch.setattr(spool, "MOST_BYTES", 10)
    sent: list[bytes] = []
    keep(folder, b"1", b"2", b"3", b"4", b"555555555")
    spool.send_waiting(folder, answering(sent, 202, 202))
    assert sent == [b"4", b"555555555"]
    assert spool.read_counts(folder)["dropped"] == 3


def test_while_another_call_sends_nothing_is_sent(folder: str) -> None:
    keep(folder, b"1")
    with (Path(folder) / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert not spool.send_waiting(folder, answering([]))
    assert spool.send_waiting(folder, answering([], 202))


def test_what_a_killed_call_has_begun_is_never_sent_and_is_removed_later(folder: str) -> None:
    keep(folder, b"1")
    begun = Path(folder) / "0-x.begun"
    begun.write_bytes(b"half of it")
    keep(folder, b"2")
    assert begun.exists()
    os.utime(begun, (1, 1))
    keep(folder, b"3")
    assert not begun.exists()
    assert len(spool.find_waiting(folder)) == 3


def test_nothing_is_written_through_a_link_or_in_the_folder_of_another(folder: str, tmp_path: Path) -> None:
    (tmp_path / "teleclaude").mkdir()
    (tmp_path / "teleclaude/hooks").symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        keep(folder, b"1")
    if os.geteuid() == 0:
        (tmp_path / "teleclaude/hooks").unlink()
        os.chown(tmp_path / "teleclaude", 65534, 65534)
        with pytest.raises(PermissionError):
            keep(folder, b"1")


def test_the_spool_is_nothing_of_the_old_installations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    for state in ({}, {"XDG_STATE_HOME": "relative"}):
        assert not spool.find_spool(state).startswith("/home/ada/.teleclaude")
        assert spool.find_spool(state).endswith("/teleclaude/hooks")
