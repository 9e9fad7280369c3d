"""Looks at an installation, and changes nothing."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from teleclaude.checks.facts import Account, Facts, Kind, Layer, Setting
from teleclaude.checks.look.daemon import look_at_old_units, look_at_service, look_at_sessions, look_at_socket
from teleclaude.checks.look.database import look_at_database
from teleclaude.checks.look.files import find_doubled, look_at_disks, look_at_layer, look_at_libraries, look_at_path
from teleclaude.checks.problems import NOT_WANTED, UNREADABLE_LAYERS
from teleclaude.daemon.boot import Installation, find_installation
from teleclaude.errors import ConfigError, Problem
from teleclaude.layout import Layout, make_layout, user_config


async def look_at_installation(
    root: Path | None, environ: Mapping[str, str], platform: str, *, lists: bool = True
) -> Facts:
    """Return what can be seen of the system-wide installation below `root`; what cannot be seen is a Problem.

    All sessions are listed where `lists` says so.
    """
    setting = look_at_setting(make_layout(platform, root, environ), platform)
    layout = setting.layout
    # Nobody but root may be able to put something there; a trial belongs to whoever made it.
    trusted = None if setting.trial else frozenset({0})
    system, secrets = look_at_layer(layout.system_config, trusted), look_at_layer(layout.secrets, trusted)
    installation = _find_installation(root, environ, system, secrets)
    people = installation.settings.people if isinstance(installation, Installation) else ()
    database, socket, service, old_units = await asyncio.gather(
        look_at_database(installation),
        look_at_socket(layout.socket),
        look_at_service(layout, platform),
        look_at_old_units(layout, platform),
    )
    return Facts(
        setting=setting,
        system=system,
        secrets=secrets,
        users=tuple(_look_at_users([person.username for person in people], root, environ)),
        together=installation if isinstance(installation, Problem) else None,
        state=look_at_path(layout.state, trusted),
        logs=look_at_path(layout.logs),
        docs=look_at_path(layout.docs, trusted),
        socket_folder=look_at_path(layout.socket.parent),
        people=tuple(person.name for person in people),
        database=database,
        socket=socket,
        service=service,
        listed=await look_at_sessions(root, environ, database) if lists else NOT_WANTED,
        disks=look_at_disks(layout, database),
        doubled=find_doubled(system, secrets),
        libraries=look_at_libraries(),
        old_units=old_units,
    )


def look_at_setting(layout: Layout, platform: str) -> Setting:
    """Return where the installation is, and who looks at it."""
    return Setting(layout, platform, _account(os.geteuid()), _find_account(layout.service_user))


def _find_account(name: str) -> Account | None:
    """Return an account of this computer, None where there is none."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def _account(uid: int) -> Account:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, os.getegid())
    return Account(found.pw_name, uid, found.pw_gid)


def _find_installation(root: Path | None, environ: Mapping[str, str], *layers: Layer) -> Installation | Problem:
    """Return what the daemon would serve, found as the daemon finds it."""
    if not all(layer.file.kind is Kind.FILE and layer.file.readable for layer in layers):
        return UNREADABLE_LAYERS
    try:
        return find_installation(root, {**environ, "TELECLAUDE_SYSTEM_MODE": "1"}, Path("/"))
    except ConfigError as error:
        return error.problem


def _look_at_users(
    names: list[str | None], root: Path | None, environ: Mapping[str, str]
) -> list[tuple[Account, Layer]]:
    found = []
    for name in filter(None, names):
        with suppress(KeyError):
            account = pwd.getpwnam(name)
            path = user_config(Path(account.pw_dir), root, environ)
            found.append((Account(name, account.pw_uid, account.pw_gid), look_at_layer(path, None)))
    return found
