"""A single-user installation: its folders and its files, and the accounts of the move (facts: installation)."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from teleclaude.config.folders import Stranger, find_stranger
from teleclaude.errors import SourceError
from teleclaude.migration.discover.problems import SEVERAL_OWNERS
from teleclaude.migration.source.files import FILE_LIMIT, hash_file
from teleclaude.migration.source.installation import Account, ConfigFiles, DocFile, Places, SourceDatabase, SourceFile
from teleclaude.migration.source.known_files import ELSEWHERE
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import Privsep
from teleclaude.migration.source.unprivileged import list_existing, list_tree
from teleclaude.platform.names import SYSTEMS


def find_account(places: Places) -> Account | None:
    """Return the user who controls the folders of the old installation, None where this process may read them itself.

    A process may read them itself where it is not root, or where only root controls them. Raises SourceError where
    several users control them.
    """
    if os.geteuid() != 0:
        return None
    folders = (places.home, places.state, places.state / "docs", places.checkout, places.checkout / "docs")
    strangers = [stranger for folder in folders if (stranger := find_stranger(folder)) is not None]
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
    return (int(uid) or None) if uid.isdigit() else None


def find_caller_home(environ: Mapping[str, str]) -> Path:
    """Return the home of the caller, that of the caller of sudo where there is one."""
    uid = read_sudo_uid(environ)
    with suppress(KeyError):
        return Path.home() if uid is None else Path(pwd.getpwuid(uid).pw_dir)
    return Path.home()


def find_user_name(uid: int | None) -> str | None:
    """Return the name of the account with `uid`, None where this machine does not know it."""
    with suppress(KeyError):
        return pwd.getpwuid(uid).pw_name if uid is not None else None
    return None


def find_places(options: Options, environ: Mapping[str, str]) -> Places:
    """Return the checkout and the home: as asked, else the caller's home, and the checkout that its `.env` links to."""
    home = (options.home or find_caller_home(environ)).absolute()
    if options.source is not None:
        return Places(options.source.absolute(), home)
    link = home / ".teleclaude" / ".env"
    return Places(Path(os.path.realpath(link)).parent if link.is_symlink() else Path.cwd(), home)


def find_elsewhere(privsep: Privsep, places: Places) -> tuple[Path, ...]:
    """Return the files of the old program or its agents outside the checkout and `~/.teleclaude`."""
    return tuple(map(Path, privsep.call(list_existing, [str(places.home / name) for name in ELSEWHERE])))


def list_files(
    privsep: Privsep,
    places: Places,
    files: ConfigFiles,
    databases: tuple[SourceDatabase, ...],
    docs: tuple[DocFile, ...],
) -> tuple[SourceFile, ...]:
    """Return every file of the old installation that must stay as it is, with the sha256 of its content.

    For the databases it is the sha256 of the copy, so that a later write is noticed. Raises SourceError where a file
    cannot be read.
    """
    state = places.state
    names = [places.checkout / name for name in ("config.yml", ".env", "experiments.yml", "teleclaude.db")]
    names += [state / name for name in ("teleclaude.yml", "projects.yaml", "config.yml")]
    names += files.origins.values()
    names += [Path(path) for folder in ("people", "state") for path in privsep.call(list_tree, str(state / folder))]
    units = [places.home / system.old.path for system in SYSTEMS]
    names += [unit for unit in units if privsep.call(os.access, str(unit), os.R_OK)]
    copied = {file.path: file for database in databases for file in database.files}
    names = [name for name in dict.fromkeys(names) if name not in copied]
    others = [SourceFile(name, hash_file(privsep, name, FILE_LIMIT)) for name in names]
    others += [SourceFile(doc.real, hash_file(privsep, doc.real, FILE_LIMIT, exact=True)) for doc in docs]
    return (*copied.values(), *(file for file in others if file.sha256))
