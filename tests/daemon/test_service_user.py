"""The rights and the environment of the service user."""

import os
import pwd
from pathlib import Path

from teleclaude.daemon.service_user import find_identity, find_identity_to_take, make_environment
from teleclaude.layout import make_layout


def test_an_account_has_all_its_groups() -> None:
    account = pwd.getpwuid(os.geteuid())
    identity = find_identity(account.pw_name)
    assert identity is not None
    assert (identity.user, identity.group) == (account.pw_uid, account.pw_gid)
    assert set(identity.extra_groups) == set(os.getgrouplist(account.pw_name, account.pw_gid))


def test_an_account_that_does_not_exist_has_no_identity() -> None:
    assert find_identity("no-such-account") is None


def test_below_another_root_nobody_else_is_needed() -> None:
    assert find_identity_to_take(make_layout("linux", Path("/trial"))) is None


def test_the_environment_says_system_mode_and_passes_no_secret_on() -> None:
    ours = {"PATH": "/bin", "TELECLAUDE_CONFIG_PATH": "/x", "PGPASSWORD": "hunter2", "HOME": "/root"}
    wanted = {"PATH": "/bin", "TELECLAUDE_CONFIG_PATH": "/x", "TELECLAUDE_SYSTEM_MODE": "1"}
    assert make_environment(ours) == wanted
