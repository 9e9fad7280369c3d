"""Who can change a file, or what is in a folder, besides those who are trusted: by its owner, mode and access list."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
import sys
from collections.abc import Set
from contextlib import suppress
from functools import cache
from pathlib import Path

from teleclaude.config.problems import FOREIGN_FOLDER, LINK_OF_ANOTHER, OPEN_PLACE, STICKY_FOLDER
from teleclaude.errors import SourceError


def refuse(path: Path, state: os.stat_result, folder: int | None, trusted: Set[int]) -> SourceError | None:
    """Return why a place may not be passed, None where only trusted users can have made it and can change it."""
    if not trusted:
        return None
    if state.st_uid not in trusted:
        problem = LINK_OF_ANOTHER if stat.S_ISLNK(state.st_mode) else FOREIGN_FOLDER
        return SourceError(problem.fill(path=path, uid=state.st_uid))
    # The sticky bit, as of /tmp: nobody can change names of others there.
    passable = state.st_mode & stat.S_ISVTX or not stat.S_ISDIR(state.st_mode)
    return None if passable else find_open(path, state, folder, trusted)


def find_open(path: Path, state: os.stat_result, descriptor: int | None, trusted: Set[int]) -> SourceError | None:
    """Return why a folder or file is open to others than its owner, None where it is closed to them."""
    if not trusted or stat.S_ISLNK(state.st_mode):
        return None
    if state.st_mode & stat.S_IWOTH:
        who = "everybody"
    elif state.st_mode & stat.S_IWGRP and descriptor is not None and _has_access_list(descriptor):
        # The bits of the group are then the mask of the list (acl(5)), and chmod takes the right from all in it.
        who = "those whom its access list names"
    elif state.st_mode & stat.S_IWGRP and _members(state.st_gid) - trusted:
        who = f"the group {_group_name(state.st_gid)}"
    else:
        return None
    problem = STICKY_FOLDER if state.st_mode & stat.S_ISVTX else OPEN_PLACE
    mode = "go-w" if state.st_mode & stat.S_IWOTH else "g-w"
    return SourceError(problem.fill(path=path, who=who, mode=mode))


def _has_access_list(descriptor: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        # By this name, because a descriptor of O_PATH has no attributes (open(2)).
        return "system.posix_acl_access" in os.listxattr(f"/proc/self/fd/{descriptor}")
    except OSError as error:
        return error.errno != errno.ENOTSUP


@cache
def _members(gid: int) -> frozenset[int]:
    """Return the users of a group; that of /usr/local is often empty (Debian policy 9.1.2)."""
    names: list[str] = []
    with suppress(KeyError):
        names = grp.getgrgid(gid).gr_mem
    return frozenset(account.pw_uid for account in pwd.getpwall() if account.pw_gid == gid or account.pw_name in names)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
