"""The service user: the rights and the environment with which the service manager runs the daemon."""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from teleclaude.daemon import problems
from teleclaude.errors import ConfigError
from teleclaude.layout import Layout
from teleclaude.platform.services import search_path

_PASSED_ON = ("LANG", "LC_ALL", "TELECLAUDE_CONFIG_PATH", "TELECLAUDE_SECRETS_PATH")
"""The variables that the service user's process gets of our environment; none of them can replace a setting."""


@dataclass(frozen=True)
class Identity:
    """An account with all its groups, as initgroups(3) would give them."""

    user: int
    group: int
    extra_groups: tuple[int, ...]

    def for_process(self) -> dict[str, Any]:
        """Return the arguments for `subprocess`."""
        return {"user": self.user, "group": self.group, "extra_groups": self.extra_groups}


def find_identity(name: str) -> Identity | None:
    """Return the identity of the account `name`, None where this computer has none."""
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        return None
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    return Identity(account.pw_uid, account.pw_gid, tuple(groups))


def find_identity_to_take(layout: Layout) -> Identity | None:
    """Return the identity with which root has to work on the installation; None where this process keeps its own."""
    return find_identity(layout.service_user) if os.geteuid() == 0 and layout.root is None else None


def find_keeper(layout: Layout) -> str:
    """Return the account whom the configuration of a trial belongs to, root where it is not known."""
    try:
        return pwd.getpwuid(layout.system_config.stat().st_uid).pw_name
    except (OSError, KeyError):
        return "root"


def refuse_trial_of_another(layout: Layout) -> None:
    """Raise ConfigError where another account made the trial below `layout.root`: its files are closed, and rightly."""
    keeper = find_keeper(layout)
    if layout.root is not None and os.path.lexists(layout.system_config) and keeper != _find_own_name():
        values = {"root": layout.root, "keeper": keeper, "command": make_own_command(keeper)}
        raise ConfigError(problems.TRIAL_OF_ANOTHER.fill(**values))


def _find_own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""


def make_own_command(account: str) -> str:
    """Return the command of this process as one that runs as another account."""
    return shlex.join(["sudo", *(["-u", account] if account != "root" else []), "teleclaude", *sys.argv[1:]])


def make_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process of the service user."""
    passed_on = {name: environ[name] for name in _PASSED_ON if name in environ}
    return {**passed_on, "PATH": search_path(), "TELECLAUDE_SYSTEM_MODE": "1"}


def python(*arguments: str) -> list[str]:
    """Return a command of this Python that takes no module from its environment or its folder (`-I`)."""
    return [sys.executable, "-I", *arguments]


def require_program(identity: Identity, environ: Mapping[str, str]) -> None:
    """Raise ConfigError where the identity could not run this program."""
    command = python("-c", "import teleclaude")
    given = {**identity.for_process(), "env": make_environment(environ), "cwd": "/"}
    try:
        subprocess.run(command, capture_output=True, check=True, **given)  # noqa: S603 - our own program
    except subprocess.CalledProcessError:
        raise _cannot_run("it does not find its modules") from None
    except OSError as error:
        raise _cannot_run(error.strerror) from error


def _cannot_run(reason: str | None) -> ConfigError:
    return ConfigError(problems.SERVICE_USER_CANNOT_RUN.fill(program=sys.executable, reason=reason))


def run_instead(identity: Identity, arguments: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Replace this process by `teleclaude` with these arguments and this identity; raises ConfigError."""
    os.chdir("/")
    os.setgroups(identity.extra_groups)
    os.setgid(identity.group)
    os.setuid(identity.user)
    command = python("-m", "teleclaude", *arguments)
    try:
        os.execve(sys.executable, command, make_environment(environ))  # noqa: S606 - our own program
    except OSError as error:
        raise _cannot_run(error.strerror) from error
