"""Accounts: who controls the old installation, who called sudo, and what an account is called."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from teleclaude.config.folders import Stranger, find_stranger
from teleclaude.errors import SourceError
from teleclaude.migration.discover.problems import HOME_UNKNOWN, SEVERAL_OWNERS
from teleclaude.migration.source.installation import Account, Places


def find_account(places: Places) -> Account | None:
    """Return the user who controls the folders of the old installation, None where this process may read them itself.

    A process may read them itself where it is not root, or where only root controls them. Raises SourceError where
    several users control them.
    """
    if os.geteuid() != 0:
        return None
    strangers = [stranger for folder in places.folders if (stranger := find_stranger(folder)) is not None]
    owners = {stranger.uid: stranger for stranger in strangers}
    if len(owners) > 1:
        listed = ", ".join(f"{stranger.path} (uid {uid})" for uid, stranger in sorted(owners.items()))
        raise SourceError(SEVERAL_OWNERS.fill(listed=listed))
    top_folders = sorted({place.path for place in strangers if place.path.is_dir() and not place.path.is_symlink()})
    return _make_account(strangers[0], tuple(top_folders)) if strangers else None


def _make_account(stranger: Stranger, top_folders: tuple[Path, ...]) -> Account:
    try:
        known = pwd.getpwuid(stranger.uid)
    except KeyError:
        # A user of another machine, who never gets root's group.
        return Account(stranger.uid, stranger.gid or stranger.uid, (), top_folders)
    groups = tuple(os.getgrouplist(known.pw_name, known.pw_gid))
    return Account(stranger.uid, known.pw_gid, groups, top_folders, known.pw_name)


def read_sudo_uid(environ: Mapping[str, str]) -> int | None:
    """Return the user id of the caller of sudo, None without sudo and for root, which is nobody's owner."""
    uid = environ.get("SUDO_UID", "")
    # Neither int() nor the system takes any number of digits, and the highest id means none (chown(2)).
    known = re.fullmatch(r"[0-9]{1,10}", uid) is not None and int(uid) < 2**32 - 1
    return (int(uid) or None) if known else None


def find_caller_home(environ: Mapping[str, str]) -> Path:
    """Return the home of the caller, that of the caller of sudo where there is one; raises SourceError without any."""
    uid = read_sudo_uid(environ)
    with suppress(KeyError):
        if uid is not None:
            return Path(pwd.getpwuid(uid).pw_dir)
    try:
        return Path.home()
    except RuntimeError:
        raise SourceError(HOME_UNKNOWN.fill(uid=os.geteuid())) from None


def find_user_name(uid: int | None) -> str | None:
    """Return the name of the account with `uid`, None where this machine does not know it."""
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name if uid is not None else None
    return None


def find_account_names(uids: Iterable[int | None]) -> dict[int, str]:
    """Return the name of each account that this machine knows, by its user id."""
    found = {uid: find_user_name(uid) for uid in uids if uid is not None}
    return {uid: name for uid, name in found.items() if name is not None}
