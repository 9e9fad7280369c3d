"""What is seen of an installation, without a judgement. What could not be seen is a Problem that says why. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from teleclaude.errors import Problem
from teleclaude.layout import Layout
from teleclaude.platform.names import Unit, UnitState, names_of


@dataclass(frozen=True)
class Account:
    """A user of this computer, or one of its groups."""

    name: str
    uid: int
    gid: int


class Kind(StrEnum):
    """What is at a path."""

    MISSING = "nothing"
    HIDDEN = "something that cannot be seen"
    FILE = "a file"
    FOLDER = "a folder"
    SOCKET = "a socket"
    OTHER = "something else"


@dataclass(frozen=True)
class PathFacts:
    """What is at a path, links followed, and what this process may do there."""

    path: Path
    kind: Kind
    mode: int = 0
    uid: int = -1
    gid: int = -1
    owner: str = ""
    group: str = ""
    readable: bool = False
    writable: bool = False
    makeable: bool = False
    """Whether this process could make what is missing."""
    unsafe: Path | None = None
    """The first folder on the way that users other than root can change, where that was looked at."""

    @property
    def shown(self) -> str:
        """Path, mode and owners."""
        return f"{self.path} ({self.mode:04o} {self.owner}:{self.group})"


@dataclass(frozen=True)
class Layer:
    """A configuration file; `problem` says why it cannot be parsed."""

    file: PathFacts
    problem: Problem | None = None


@dataclass(frozen=True)
class Holder:
    """Who holds the lock of the database: a process of the server, and what its client calls itself."""

    process: int
    name: str


@dataclass(frozen=True)
class DatabaseFacts:
    """What the database says about itself and our role."""

    address: str
    """The URL without its password."""
    version: int
    """As `server_version_num` has it."""
    encoding: str
    standby: bool
    name: str
    """Of the database."""
    role: str
    may_create: bool
    forbidden: tuple[str, ...]
    """Our tables that the role may not read and write."""
    tls: str
    """The version of TLS, empty where there is none."""
    sslmode: str
    on_this_computer: bool
    """Whether the connection leaves this computer; over a Unix socket and to the loopback it does not."""
    data: Path | None
    """The folder of its data, where it is known and on this computer."""
    revision: str | None
    head: str
    can_upgrade: bool
    """Whether this program knows the way from the revision to its own."""
    holder: Holder | None
    is_empty: bool = False
    """Whether it has none of our tables, as before the first start of the daemon."""
    pending: tuple[str, ...] = ()
    complete: tuple[str, ...] = ()
    owners: Mapping[str, int] | None = None
    """How many sessions every person has; None where the schema is another one."""


@dataclass(frozen=True)
class SocketFacts:
    """The socket of the daemon and what it answers."""

    file: PathFacts
    answers: bool
    said: str = ""
    """Why there is no answer."""


@dataclass(frozen=True)
class Disk:
    """The free room on the disk of a path, in bytes."""

    path: Path
    free: int


@dataclass(frozen=True)
class Libraries:
    """The libraries that are installed with the program, and those that its lock names: `name version` each."""

    installed: frozenset[str]
    locked: frozenset[str]


@dataclass(frozen=True)
class Setting:
    """The places of the installation, and the users who look at it."""

    layout: Layout
    platform: str
    caller: Account
    service: Account | None
    """The service user, None where this computer has none."""

    @property
    def trial(self) -> bool:
        """Whether it is below a root of its own, where everything belongs to the caller."""
        return self.layout.root is not None

    @property
    def keeper(self) -> Account:
        """Whose the configuration has to be: root, in a trial the caller."""
        return self.caller if self.trial else Account("root", 0, 0)

    @property
    def reader(self) -> Account:
        """Who has to be able to read the secrets: the service user, in a trial the caller."""
        return self.caller if self.trial or self.service is None else self.service

    @property
    def sees_as_daemon(self) -> bool:
        """Whether the caller sees what the daemon sees."""
        return self.caller.uid == self.reader.uid

    @property
    def words(self) -> dict[str, object]:
        """The names and commands that remedies are made of."""
        names = names_of(self.platform)
        commands = names.commands
        below = f" --root {shlex.quote(str(self.layout.root))}" if self.trial else ""
        daemon = f"teleclaude daemon{below}"
        return {
            "sudo": "" if self.trial else "sudo ",
            "below": below,
            "keeper": self.keeper.name,
            "reader": self.reader.name,
            "service": self.layout.service_user,
            "config": self.layout.system_config,
            "secrets": self.layout.secrets,
            "unit": self.layout.unit,
            "enable": names.our(commands.enable),
            "status": names.our(commands.status),
            "reload": names.our(commands.reload),
            "start": daemon if self.trial else names.our(commands.start),
            "restart": f"stop the daemon, then: {daemon}" if self.trial else names.our(commands.restart),
            "journal": f"what {daemon} says" if self.trial else names.our(commands.log),
        }


@dataclass(frozen=True)
class Facts:
    """Everything that the checks judge."""

    setting: Setting
    system: Layer
    secrets: Layer
    users: tuple[tuple[Account, Layer], ...]
    """The people with an account on this computer, each with the file of that person."""
    together: Problem | None
    """Why the layers do not make a configuration that the daemon can use."""
    state: PathFacts
    logs: PathFacts
    docs: PathFacts
    socket_folder: PathFacts
    people: tuple[str, ...]
    database: DatabaseFacts | Problem
    socket: SocketFacts
    service: UnitState | Problem
    """The unit of the system-wide installation."""
    listed: int | Problem
    """How many sessions a daemon lists."""
    disks: Mapping[str, Disk | Problem]
    doubled: tuple[str, ...] = ()
    """The keys that stand in the system's file and in the secrets."""
    libraries: Libraries | None = None
    """None where bin/install-system.sh did not install the program, as in a checkout."""
    old_units: tuple[tuple[Unit, UnitState], ...] = ()
    """The units of the old installation that the system's service manager may know; it says nothing of users' units."""

    @property
    def runs(self) -> bool:
        """Whether the service manager says that the daemon runs."""
        return isinstance(self.service, UnitState) and self.service.active in {"active", "reloading"}
