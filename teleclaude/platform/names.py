"""The names of the parts of TeleClaude on Linux and macOS, and the commands for a service there. Pure data.

Sources: systemctl(1), systemd.unit(5), launchctl(1), launchd.plist(5), and the places in the design of the program.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Unit:
    """A unit of systemd or a job of launchd."""

    name: str
    """The name of its file for systemd, its label for launchd."""
    control: str
    """The words before the verb: `sudo systemctl`, `systemctl --user`, `launchctl`."""
    path: Path
    """Its file; a relative path is below the home."""
    domain: str = ""
    """The domain of launchd that it is in: `system` or `gui/501`; it may hold a `$(…)` for the shell."""

    @property
    def packaged(self) -> bool:
        """Whether its file is a package's.

        systemctl(1) masks no other: the link to /dev/null takes the place of a file in /etc or in a home.
        """
        return self.path.is_relative_to("/usr/lib") or self.path.is_relative_to("/lib")

    def fill(self, command: str) -> str:
        """Return a command of `Commands` for this unit, with its names quoted for a shell."""
        name, path = shlex.quote(self.name), shlex.quote(str(self.path))
        target = f"{self.domain}/{name}"
        return command.format(control=self.control, unit=name, domain=self.domain, target=target, path=path)


@dataclass(frozen=True)
class UnitState:
    """What the service manager says of a unit, in the words of systemctl(1) show."""

    load: str
    enabled: str
    active: str
    result: str = ""
    stale: bool = False
    """Whether the file changed since the service manager read it."""
    kept: bool = False
    """Whether the manager runs it, or would start it again."""
    at_boot: bool = False
    """Whether it starts at boot or login."""


@dataclass(frozen=True)
class Commands:
    """Commands for a unit; `Unit.fill` fills in `{control}`, `{unit}`, `{domain}`, `{target}`, `{path}`."""

    start: str
    """Start a unit that the manager knows."""
    restart: str
    stop: str
    """Stop it until the next boot or login."""
    enable: str
    """Let it start at boot or login."""
    retire: str
    """Stop it, and keep it from starting at boot or login."""
    mask: str
    """`retire` for a unit of a package: nothing can start it until it is unmasked."""
    launch: str
    """Start a unit that was installed or retired, now and at each boot; the manager may not know it."""
    restore: str
    """Undo `retire` and `mask` for a unit that started at boot or login."""
    resume: str
    """Undo `retire` and `mask` for a unit that ran and did not start at boot or login."""
    know: str
    """Succeed where the manager knows it."""
    status: str
    log: str
    reload: str
    """Let the manager read the file of the unit again."""


@dataclass(frozen=True)
class Names:
    """The names of one system; folders are relative to the root."""

    key: str
    """`linux` or `darwin`."""
    manager: str
    """The program that talks to the service manager."""
    manager_name: str
    """The service manager of the old installation's units, in a message."""
    unit_kind: str
    """A unit, in a message."""
    starts: str
    """When an enabled unit of the old installation starts."""
    etc: str
    var: str
    run: str
    service_user: str
    unit: Unit
    """The service of the system-wide installation."""
    old: Unit
    """The unit of the single-user installation; it is never changed."""
    old_units: tuple[Unit, ...]
    """All units of the single-user installation that this service manager may know: facts, installation."""
    commands: Commands

    def our(self, command: str) -> str:
        """Return a command of `Commands` for the service of the system-wide installation."""
        return self.unit.fill(command)


def _old_unit(name: str) -> Unit:
    return Unit(name, "sudo systemctl", Path("/etc/systemd/system") / name)


LINUX = Names(
    key="linux",
    manager="systemctl",
    manager_name="the service manager",
    unit_kind="unit",
    starts="at boot",
    etc="etc",
    var="var",
    run="run",
    service_user="teleclaude",
    unit=Unit("teleclaude-system.service", "sudo systemctl", Path("/etc/systemd/system/teleclaude-system.service")),
    old=_old_unit("teleclaude.service"),
    old_units=(
        _old_unit("teleclaude.service"),
        # It starts the old daemon again when its user changes the old config.yml.
        _old_unit("teleclaude-config.path"),
        _old_unit("teleclaude-docs-watch.service"),
        _old_unit("teleclaude-docs-watch.path"),
    ),
    commands=Commands(
        start="{control} start {unit}",
        restart="{control} restart {unit}",
        stop="{control} stop {unit}",
        enable="{control} enable {unit}",
        retire="{control} disable --now {unit}",
        mask="{control} disable --now {unit} && {control} mask {unit}",
        launch="{control} enable --now {unit}",
        # Of a unit that is not masked, unmask changes nothing.
        restore="{control} unmask {unit} && {control} enable --now {unit}",
        resume="{control} unmask {unit} && {control} start {unit}",
        know="systemctl cat {unit}",
        status="{control} status {unit}",
        log="sudo journalctl --unit {unit} --lines 50",
        reload="{control} daemon-reload",
    ),
)

MACOS = Names(
    key="darwin",
    manager="launchctl",
    manager_name="launchd",
    unit_kind="launch agent",
    starts="at login",
    etc="usr/local/etc",
    var="usr/local/var",
    run="usr/local/var/run",
    service_user="_teleclaude",
    unit=Unit(
        "ai.instrukt.teleclaude.system",
        "sudo launchctl",
        Path("/Library/LaunchDaemons/ai.instrukt.teleclaude.system.plist"),
        "system",
    ),
    old=Unit(
        "ai.instrukt.teleclaude.daemon",
        "launchctl",
        Path("Library/LaunchAgents/ai.instrukt.teleclaude.daemon.plist"),
        "gui/$(id -u)",
    ),
    # The old agents are known to the launchd of their user alone.
    old_units=(),
    commands=Commands(
        start="{control} kickstart {target}",
        restart="{control} kickstart -k {target}",
        stop="{control} bootout {target}",
        enable="{control} enable {target}",
        # bootout lasts until the next login or boot, disable from then on.
        retire="{control} disable {target}; {control} bootout {target} 2>/dev/null || :",
        mask="{control} disable {target}; {control} bootout {target} 2>/dev/null || :",
        # A disabled job cannot be bootstrapped.
        launch="{control} enable {target} && {control} bootstrap {domain} {path}",
        restore="{control} enable {target} && {control} bootstrap {domain} {path}",
        resume="{control} enable {target} && {control} bootstrap {domain} {path}",
        know="launchctl print {target}",
        status="{control} print {target}",
        log="{control} print {target}",
        reload="{control} bootout {target}; {control} bootstrap {domain} {path}",
    ),
)

SYSTEMS = (LINUX, MACOS)

HERE = MACOS.key if sys.platform == "darwin" else LINUX.key
"""The key of the system that this process runs on."""


def names_of(key: str) -> Names:
    """Return the names of the system with a key; a system that is not macOS is taken for Linux."""
    return MACOS if key == MACOS.key else LINUX
