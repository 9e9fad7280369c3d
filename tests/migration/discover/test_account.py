"""The owner of the old installation is the one user who controls its folders."""

import os
import pwd
from pathlib import Path

import pytest

from teleclaude.errors import SourceError
from teleclaude.migration.discover.account import find_account, find_caller_home, find_user_name, read_sudo_uid
from teleclaude.migration.source.installation import Places

USER = 12345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.mark.parametrize(
    ("value", "uid"),
    [
        *(("1000", 1000), ("4294967294", 4294967294), ("0", None), ("", None), ("x", None), ("-1", None)),
        *(("4294967295", None), ("9" * 5000, None), ("1\n", None), ("²", None), ("1 000", None)),
    ],
    ids=lambda value: str(value)[:12],
)
def test_the_caller_of_sudo_is_a_user_and_never_root(value: str, uid: int | None) -> None:
    assert read_sudo_uid({"SUDO_UID": value}) == uid
    assert read_sudo_uid({}) is None


def test_the_home_is_that_of_the_caller_of_sudo_where_this_machine_knows_the_account() -> None:
    daemon = pwd.getpwnam("daemon")
    assert find_caller_home({"SUDO_UID": str(daemon.pw_uid)}) == Path(daemon.pw_dir)
    assert find_caller_home({"SUDO_UID": "987654"}) == Path.home()


def test_a_caller_without_any_home_is_told_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 987654)
    with pytest.raises(SourceError, match="HOME is not set"):
        find_caller_home({})


def test_an_account_that_this_machine_does_not_know_has_no_name() -> None:
    assert find_user_name(987654) is None
    assert find_user_name(None) is None
    assert find_user_name(os.getuid()) == pwd.getpwuid(os.getuid()).pw_name


@as_root
def test_the_owner_is_found_with_the_topmost_folders_of_that_user(places: Places) -> None:
    for path in (places.home, *places.home.rglob("*")):
        os.chown(path, USER, USER)
    account = find_account(places)
    assert account is not None
    assert (account.uid, account.gid, account.groups, account.name) == (USER, USER, (), "")
    assert account.top_folders == (places.home,)


@as_root
def test_an_installation_of_root_needs_no_account(places: Places) -> None:
    assert find_account(places) is None


@as_root
def test_two_owners_are_refused_and_listed(places: Places, tmp_path: Path) -> None:
    other = Places(tmp_path / "other", places.home)
    other.checkout.mkdir()
    os.chown(other.checkout, USER, USER)
    os.chown(places.home, USER + 1, USER + 1)
    with pytest.raises(SourceError, match=rf"several users: .*uid {USER}.*uid {USER + 1}"):
        find_account(other)
