"""Who would start the old program again: systemd, launchd, cron; and the agents in tmux whose hooks write."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from teleclaude.migration.detect.installation import Places
from teleclaude.migration.inventory import Holder

SYSTEM_UNITS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
USER_UNITS = ".config/systemd/user"
UNITS = ("teleclaude*.service", "teleclaude*.path", "teleclaude*.timer")
LAUNCH_AGENTS = "Library/LaunchAgents"
CRONTABS = ("/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/crontabs/*", "/var/spool/cron/*", "/usr/lib/cron/tabs/*")

RUNNING = {"active", "activating", "reloading"}
STARTS_AT_BOOT = {"enabled", "enabled-runtime"}
SECONDS = 5


def find_services(places: Places) -> tuple[Holder, ...]:
    """Return what would start the old program in this checkout while we work, and as warnings what would at boot."""
    names = {str(places.checkout), str(places.checkout.resolve()), str(places.state)}
    services = _launchd(places, names) if sys.platform == "darwin" else _systemd(places, names)
    return tuple([*services, *_cron(names), *_tmux(places)])


def _systemd(places: Places, names: set[str]) -> Iterator[Holder]:
    user_units = places.home / USER_UNITS
    for folder in dict.fromkeys(path.resolve() for path in (*SYSTEM_UNITS, user_units) if path.is_dir()):
        of_user = folder == user_units.resolve()
        ask, say = _manager(places) if of_user else (["systemctl"], "sudo systemctl")
        for unit in sorted(path for pattern in UNITS for path in folder.glob(pattern)):
            if _mentions(unit, names):
                yield from _state(unit.name, ask, say)


def _manager(places: Places) -> tuple[list[str], str]:
    """Return how we ask the service manager of the user, and how the user would."""
    owner = places.home.stat().st_uid
    if owner == os.geteuid():
        return ["systemctl", "--user"], "systemctl --user"
    with suppress(KeyError):
        return ["systemctl", "--user", f"--machine={pwd.getpwuid(owner).pw_name}@.host"], "systemctl --user"
    return ["systemctl", "--user"], "systemctl --user"


def _state(unit: str, ask: list[str], say: str) -> Iterator[Holder]:
    if _answer([*ask, "is-active", unit]) in RUNNING:
        yield Holder(f"the service manager keeps {unit} running", f"stop it: {say} stop {unit}")
    elif _answer([*ask, "is-enabled", unit]) in STARTS_AT_BOOT:
        yield Holder(f"the service manager starts {unit} at boot", f"{say} disable {unit}", stops=False)


def _launchd(places: Places, names: set[str]) -> Iterator[Holder]:
    domain = f"gui/{places.home.stat().st_uid}"
    for plist in sorted((places.home / LAUNCH_AGENTS).glob("ai.instrukt.teleclaude.*.plist")):
        if _mentions(plist, names) and _answer(["launchctl", "print", f"{domain}/{plist.stem}"]):
            yield Holder(f"launchd keeps {plist.stem} running", f"stop it: launchctl bootout {domain}/{plist.stem}")


def _cron(names: set[str]) -> Iterator[Holder]:
    for table in sorted({path for pattern in CRONTABS for path in Path("/").glob(pattern[1:]) if path.is_file()}):
        with suppress(OSError):
            yield from _entries(str(table), table.read_text(errors="replace"), names)
    if os.geteuid() != 0:
        yield from _entries("the table of crontab -l", _answer(["crontab", "-l"]), names)


def _entries(table: str, text: str, names: set[str]) -> Iterator[Holder]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#") and any(name in line for name in names):
            yield Holder(f"cron starts the old program: {table}, line {number}", "put a # before that line until then")


def _tmux(places: Places) -> Iterator[Holder]:
    server = Path(os.environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{places.home.stat().st_uid}" / "default"  # noqa: S108
    if not server.is_socket():
        return
    sessions = [name for name in _answer(["tmux", "-S", str(server), "ls", "-F", "#S"]).split() if name[:3] == "tc_"]
    if sessions:
        said = f"agents live in tmux, and their hooks may write: {', '.join(sorted(sessions)[:5])}"
        yield Holder(said, f"end them: tmux kill-session -t {sorted(sessions)[0]}", stops=False)


def _mentions(path: Path, names: set[str]) -> bool:
    with suppress(OSError):
        text = path.read_text(errors="replace")
        return any(name in text for name in names)
    return False


def _answer(command: Sequence[str]) -> str:
    """Return what a command prints, nothing where it is not there or does not answer."""
    program = shutil.which(command[0])
    if program is None:
        return ""
    try:
        # A user's manager may want to ask for a password; it is given nobody to ask.
        done = subprocess.run(  # noqa: S603 - made of our own words and of names of files
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
