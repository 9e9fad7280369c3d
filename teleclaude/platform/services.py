"""Asks the service manager: systemd through systemctl(1), launchd through launchctl(1). Nothing is changed."""

from __future__ import annotations

import os
import plistlib
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from teleclaude.errors import Problem
from teleclaude.platform.names import HERE, MACOS, Unit, UnitState
from teleclaude.platform.problems import NO_ANSWER, NO_PROGRAM

SYSTEM_UNITS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
"""The folders of the system's units (systemd.unit(5))."""

PROGRAMS = "/run/current-system/sw/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where root looks for programs: the folders of the system, the first of them that of NixOS. The PATH of whoever became
root may name others."""

_OF_USERS = "/usr/local/bin:/opt/homebrew/bin"
"""Where a program is also looked for that runs with a user's rights; Homebrew gives these folders to a user."""

SECONDS = 5.0
"""The time that a program has for its answer."""

_USER_UNITS = ".config/systemd/user"
_LAUNCH_AGENTS = "Library/LaunchAgents"
_UNIT_FILES = ("teleclaude*.service", "teleclaude*.path", "teleclaude*.timer")
_AGENT_FILES = ("ai.instrukt.teleclaude.*.plist",)
_PROPERTIES = "LoadState,UnitFileState,ActiveState,Result,NeedDaemonReload"
_STARTS = re.compile(r"^\s*(?:ExecStart|Unit)\s*=\s*(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class UnitFolder:
    """A folder that may hold units of the old installation."""

    path: Path
    patterns: tuple[str, ...]
    of_user: bool
    """Whether it is a folder of the user; otherwise it is one of the system."""
    ask: tuple[str, ...]
    """The program that knows the states of its units, with the options that choose the manager."""
    control: str
    domain: str = ""

    def unit(self, file_name: str) -> Unit:
        """Return the unit of a file in the folder."""
        return Unit(file_name.removesuffix(".plist"), self.control, self.path / file_name, self.domain)


def find_unit_folders(home: Path, key: str = HERE) -> Iterator[UnitFolder]:
    """Yield the folders with units that may start the single-user installation of the user with a `home`."""
    owner = home.stat().st_uid
    if key == MACOS.key:
        agents = home / _LAUNCH_AGENTS
        yield UnitFolder(agents, _AGENT_FILES, True, ("launchctl",), "launchctl", f"gui/{owner}")
        return
    for folder in dict.fromkeys(path.resolve() for path in SYSTEM_UNITS):
        yield UnitFolder(folder, _UNIT_FILES, False, ("systemctl",), "sudo systemctl")
    ask: tuple[str, ...] = ("systemctl", "--user")
    sudo = ""
    if owner != os.geteuid():
        with suppress(KeyError):
            ask, sudo = (*ask, f"--machine={pwd.getpwuid(owner).pw_name}@.host"), "sudo "
    yield UnitFolder(home / _USER_UNITS, _UNIT_FILES, True, ask, f"{sudo}{' '.join(ask)}")


def read_command(text: str) -> str:
    """Return the command in the text of a unit or a property list, an empty one where there is none."""
    if not text.lstrip().startswith(("<?xml", "<!DOCTYPE plist", "<plist")):
        starts = _STARTS.search(text)
        return starts[1] if starts else ""
    try:
        arguments = plistlib.loads(text.encode()).get("ProgramArguments", [])
    except (ValueError, ExpatError, AttributeError):
        return ""
    return " ".join(map(str, arguments)) if isinstance(arguments, list) else ""


def read_state(unit: Unit, ask: Sequence[str]) -> UnitState | Problem:
    """Return the state of a unit, or why the service manager says nothing.

    `ask` is the program that knows the state, with the options that choose the manager.
    """
    if find_program(ask[0]) is None:
        return NO_PROGRAM.fill(program=ask[0])
    return _read_job(unit) if ask[0] == MACOS.manager else _read_unit(unit, ask)


def _read_unit(unit: Unit, ask: Sequence[str]) -> UnitState | Problem:
    answer = run_program([*ask, "show", "--property", _PROPERTIES, unit.name])
    said = dict(re.findall(r"^(\w+)=(.*)$", answer.stdout, re.MULTILINE))
    if answer.returncode != 0 or "LoadState" not in said:
        reason = (answer.stderr.strip() or answer.stdout.strip()).partition("\n")[0]
        return NO_ANSWER.fill(reason=reason or "it says nothing")
    # A unit that does not exist has no state of its own.
    enabled, active = said.get("UnitFileState") or "disabled", said.get("ActiveState", "unknown")
    return UnitState(
        load=said["LoadState"],
        enabled=enabled,
        active=active,
        result=said.get("Result", ""),
        stale=said.get("NeedDaemonReload") == "yes",
        kept=active in {"active", "activating", "reloading"},
        at_boot=enabled in {"enabled", "enabled-runtime"},
    )


def _read_job(unit: Unit) -> UnitState:
    printed = run_program(["launchctl", "print", f"{unit.domain}/{unit.name}"])
    disabled = run_program(["launchctl", "print-disabled", unit.domain]).stdout
    # It says `"LABEL" => disabled` or, up to macOS 12, `=> true`.
    off = re.search(rf'"{re.escape(unit.name)}" => (?:disabled|true)', disabled) is not None
    running = re.search(r"^\s*state = running$", printed.stdout, re.MULTILINE) is not None
    ended = re.search(r"^\s*last exit code = ([1-9]\d*)", printed.stdout, re.MULTILINE)
    return UnitState(
        load="loaded" if printed.returncode == 0 else "not-found",
        enabled="disabled" if off else "enabled",
        active="active" if running else "failed" if ended else "inactive",
        result=f"exit code {ended[1]}" if ended else "",
        stale=False,
        kept=printed.returncode == 0,
        at_boot=not off,
    )


def search_path() -> str:
    """Return where programs are looked for: the caller's PATH, unless that is root."""
    return PROGRAMS if os.geteuid() == 0 else os.environ.get("PATH", os.defpath)


def find_program(name: str, *, of_user: bool = False) -> str | None:
    """Return the path of a program; one `of_user` will run with the rights of a user."""
    return shutil.which(name, path=f"{search_path()}:{_OF_USERS}" if of_user else search_path())


def run_program(command: Sequence[str], rights: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    """Return what a program prints; a missing one ends with 127, one that is silent for `SECONDS` is killed.

    `rights` are arguments of `subprocess` that make it run as somebody else.
    """
    program = find_program(command[0], of_user=rights is not None)
    if program is None:
        return subprocess.CompletedProcess(command, 127, "", f"there is no {command[0]} here")
    try:
        # A user's manager may ask for a password; without an input it cannot.
        done = subprocess.run(  # noqa: S603 - made of our own words and of names of files
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            **(rights or {}),
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"it said nothing for {SECONDS:.0f} seconds")
    except OSError as error:
        return subprocess.CompletedProcess(command, 126, "", str(error.strerror))
    # Decoded here, because subprocess itself would make a line's end of a carriage return.
    printed = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(command, done.returncode, *printed)
