"""Who controls the old installation: with his rights, and no more, everything of it is read."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from teleclaude.config.folders import Stranger, find_stranger
from teleclaude.errors import SourceError
from teleclaude.migration.source.inventory import Account, Places


def find_account(places: Places) -> Account | None:
    """Return the user who controls the folders of the old installation, None where this process may read them itself.

    That is so where it is not root, or where root alone controls them. Raises SourceError where it is not clear.
    """
    if os.geteuid() != 0:
        return None
    folders = (places.home, places.state, places.state / "docs", places.checkout, places.checkout / "docs")
    strangers = [stranger for folder in folders if (stranger := find_stranger(folder)) is not None]
    owners = {stranger.uid: stranger for stranger in strangers}
    if len(owners) > 1:
        listed = ", ".join(f"{stranger.path} (uid {uid})" for uid, stranger in sorted(owners.items()))
        raise SourceError(f"the old installation belongs to several users: {listed}", "name its --source and --home")
    gates = tuple(sorted({stranger.path for stranger in strangers if _is_folder(stranger.path)}))
    return _make_account(strangers[0], gates) if strangers else None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _make_account(stranger: Stranger, gates: tuple[Path, ...]) -> Account:
    try:
        known = pwd.getpwuid(stranger.uid)
    except KeyError:
        # A user of another machine; root's group is nobody's by accident either.
        return Account(stranger.uid, stranger.gid or stranger.uid, (), gates)
    groups = tuple(os.getgrouplist(known.pw_name, known.pw_gid))
    return Account(stranger.uid, known.pw_gid, groups, gates, known.pw_name)
