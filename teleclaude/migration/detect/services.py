"""What would start the old program again: units of systemd and agents of launchd; and the agents that live in tmux."""

from __future__ import annotations

import os
import plistlib
import pwd
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from teleclaude.errors import SourceError
from teleclaude.migration.deputy import Deputy
from teleclaude.migration.detect.installation import Places
from teleclaude.migration.detect.mentions import Mentions
from teleclaude.migration.inventory import Account, Holder, Service
from teleclaude.migration.reading import read_file
from teleclaude.migration.realm import list_names

SYSTEM_UNITS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
USER_UNITS = ".config/systemd/user"
UNITS = ("teleclaude*.service", "teleclaude*.path", "teleclaude*.timer")
LAUNCH_AGENTS = "Library/LaunchAgents"
AGENTS = ("ai.instrukt.teleclaude.*.plist",)
STARTS = re.compile(r"^\s*(?:ExecStart|Unit)\s*=\s*(.+)$", re.MULTILINE)

RUNNING = {"active", "activating", "reloading"}
STARTS_AT_BOOT = {"enabled", "enabled-runtime"}
SECONDS = 5
UNIT_LIMIT = 1 << 20


def find_services(deputy: Deputy, places: Places, mentions: Mentions) -> tuple[Service, ...]:
    """Return every unit of systemd, or agent of launchd, that names this installation, and whether it starts it."""
    find = _launchd if sys.platform == "darwin" else _systemd
    return tuple(find(deputy, places, mentions))


def _systemd(deputy: Deputy, places: Places, mentions: Mentions) -> Iterator[Service]:
    ours = Deputy()
    for folder in dict.fromkeys(path.resolve() for path in SYSTEM_UNITS):
        for path, text in _naming(ours, folder, UNITS, mentions):
            yield _unit(path, text, ["systemctl"], "sudo systemctl", mentions)
    ask, say = _manager(places)
    for path, text in _naming(deputy, places.home / USER_UNITS, UNITS, mentions):
        yield _unit(path, text, ask, say, mentions)


def _naming(deputy: Deputy, folder: Path, patterns: Sequence[str], mentions: Mentions) -> Iterator[tuple[Path, str]]:
    """Yield the files in a folder that name the old installation; one that cannot be read is left out."""
    for name in deputy.call(list_names, str(folder)):
        if any(fnmatch(name, pattern) for pattern in patterns):
            with suppress(SourceError, FileNotFoundError):
                text = read_file(deputy, folder / name, UNIT_LIMIT).decode(errors="replace")
                if mentions.found_in(text):
                    yield folder / name, text


def _manager(places: Places) -> tuple[list[str], str]:
    """Return how we ask the service manager of the user, and how a person tells it something."""
    owner = places.home.stat().st_uid
    ask = ["systemctl", "--user"]
    if owner != os.geteuid():
        with suppress(KeyError):
            ask.append(f"--machine={pwd.getpwuid(owner).pw_name}@.host")
            return ask, f"sudo {' '.join(ask)}"
    return ask, " ".join(ask)


def _unit(path: Path, text: str, ask: list[str], say: str, mentions: Mentions) -> Service:
    starts = STARTS.search(text)
    return Service(
        name=path.name,
        path=path,
        control=say,
        runs=mentions.shown(starts[1]) if starts else "",
        running=answer_of([*ask, "is-active", path.name]) in RUNNING,
        at_boot=answer_of([*ask, "is-enabled", path.name]) in STARTS_AT_BOOT,
    )


def _launchd(deputy: Deputy, places: Places, mentions: Mentions) -> Iterator[Service]:
    domain = f"gui/{places.home.stat().st_uid}"
    disabled = answer_of(["launchctl", "print-disabled", domain])
    for path, text in _naming(deputy, places.home / LAUNCH_AGENTS, AGENTS, mentions):
        yield Service(
            name=path.stem,
            path=path,
            control="launchctl",
            runs=mentions.shown(_program(text)),
            running=bool(answer_of(["launchctl", "print", f"{domain}/{path.stem}"])),
            # It says `"LABEL" => disabled` or, up to macOS 12, `=> true`.
            at_boot=not re.search(rf'"{re.escape(path.stem)}" => (?:disabled|true)', disabled),
            domain=domain,
        )


def _program(text: str) -> str:
    try:
        arguments = plistlib.loads(text.encode()).get("ProgramArguments", [])
    except (ValueError, ExpatError, AttributeError):
        return ""
    return " ".join(map(str, arguments)) if isinstance(arguments, list) else ""


def find_agents(places: Places, account: Account | None) -> Iterator[Holder]:
    """Yield the agents of the old program that live in tmux; their hooks may write."""
    owner = places.home.stat().st_uid
    server = Path(os.environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{owner}" / "default"  # noqa: S108
    # A server can have its client run any program, so nobody asks one but its owner, or root with the owner's rights.
    asker = account.uid if account else os.geteuid()
    if asker != owner or not server.is_socket() or server.parent.lstat().st_uid != owner:
        return
    answer = answer_of(["tmux", "-S", str(server), "ls", "-F", "#S"], account)
    sessions = [name for name in answer.split("\n") if name[:3] == "tc_"]
    if sessions:
        said = f"agents live in tmux, and their hooks may write: {', '.join(sorted(sessions)[:5])}"
        yield Holder(said, f"end them: tmux kill-session -t {shlex.quote(sorted(sessions)[0])}", stops=False)


def answer_of(command: Sequence[str], account: Account | None = None) -> str:
    """Return the lines that a command prints, nothing where it is not there or does not answer.

    It runs with the rights of `account` where there is one, and then gets nothing of our environment or terminal.
    """
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        # A user's manager may want to ask for a password; it is given nobody to ask.
        done: subprocess.CompletedProcess[bytes] = subprocess.run(  # noqa: S603 - made of our own words and of names of files
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            **(_rights_of(account) if account else {}),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").rstrip("\n")


def _rights_of(account: Account) -> dict[str, Any]:
    identity = {"user": account.uid, "group": account.gid, "extra_groups": account.groups}
    return {**identity, "env": {"PATH": os.defpath}, "cwd": "/", "start_new_session": True}
