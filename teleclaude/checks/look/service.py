"""Asks the service manager: systemd through systemctl(1), launchd through launchctl(1)."""

from __future__ import annotations

import asyncio
import re
import shutil

from teleclaude.checks.facts import ServiceFacts, Unknown
from teleclaude.layout import OLD_UNIT, Layout

SECONDS = 5.0
PROPERTIES = "LoadState,UnitFileState,ActiveState,Result,NeedDaemonReload"


async def look_at_service(layout: Layout, platform: str) -> ServiceFacts | Unknown:
    """Return what the service manager says of our unit and of the old installation's."""
    if layout.root is not None:
        return Unknown("a trial below a root of its own has no service", "none is needed")
    program = "launchctl" if platform == "darwin" else "systemctl"
    if shutil.which(program) is None:
        return Unknown(f"there is no {program} here")
    return await (_ask_launchd(layout) if platform == "darwin" else _ask_systemd(layout, OLD_UNIT["linux"]))


async def _ask_systemd(layout: Layout, old_unit: str) -> ServiceFacts | Unknown:
    code, said = await _run("systemctl", "show", "--property", PROPERTIES, layout.unit, old_unit)
    blocks = [dict(re.findall(r"^(\w+)=(.*)$", block, re.M)) for block in said.split("\n\n")]
    if code != 0 or "LoadState" not in blocks[0]:
        return Unknown(f"systemd does not answer: {said.strip().partition(chr(10))[0] or 'it says nothing'}")
    ours, old = blocks[0], blocks[1] if len(blocks) > 1 else {}
    return ServiceFacts(
        load=ours["LoadState"],
        # A unit that is not there has no state of its own.
        enabled=ours.get("UnitFileState") or "disabled",
        active=ours.get("ActiveState", "unknown"),
        result=ours.get("Result", ""),
        stale=ours.get("NeedDaemonReload") == "yes",
        old=_old_state(old),
        old_unit=old_unit,
    )


def _old_state(old: dict[str, str]) -> str:
    if old.get("ActiveState") in {"active", "activating", "reloading"}:
        return "active"
    return "enabled" if old.get("UnitFileState") in {"enabled", "enabled-runtime"} else ""


async def _ask_launchd(layout: Layout) -> ServiceFacts | Unknown:
    """The old installation's agent is the user's own, whom the system's launchd does not know."""
    code, said = await _run("launchctl", "print", f"system/{layout.unit}")
    _, switched_off = await _run("launchctl", "print-disabled", "system")
    off = re.search(rf'"{re.escape(layout.unit)}" => (disabled|true)', switched_off) is not None
    running = re.search(r"^\s*state = running$", said, re.M) is not None
    ended = re.search(r"^\s*last exit code = ([1-9]\d*)", said, re.M)
    return ServiceFacts(
        load="loaded" if code == 0 else "not-found",
        enabled="disabled" if off else "enabled",
        active="active" if running else "failed" if ended else "inactive",
        result=f"exit code {ended[1]}" if ended else "",
    )


async def _run(*command: str) -> tuple[int, str]:
    """Return how a program ended and what it said; one that does not end is ended."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        return 1, f"it said nothing for {SECONDS:.0f} seconds"
    return process.returncode or 0, said.decode(errors="replace")
