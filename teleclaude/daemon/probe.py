"""The probe: boot read-only, answer our own /sessions in process, say what was seen.

It asks itself over a socket in a private folder, through the same code that serves."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from teleclaude.daemon.boot import Daemon, boot_read_only, find_installation
from teleclaude.daemon.client import read_sessions
from teleclaude.daemon.serve import LONGEST_PATH, listening
from teleclaude.db.search.places import Search, find_all
from teleclaude.db.store import count_rows
from teleclaude.errors import TeleClaudeError

PREFIX, SOCKET = "teleclaude-probe-", "probe.sock"
_SHORT = Path("/tmp")  # noqa: S108 - the folder in it is nobody else's


@dataclass
class Verdict:
    """What a daemon sees that boots on this installation. Published as JSON; times are in seconds."""

    ok: bool = False
    backend: str | None = None
    schema_revision: str | None = None
    pending_runs: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    open_sessions: list[str] = field(default_factory=list)
    all_sessions: list[str] = field(default_factory=list)
    searches: list[list[int]] = field(default_factory=list)
    """What each search found that was asked for, as ids."""
    timings: dict[str, float] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)
    """What keeps it from booting, or makes it unsafe, each with its remedy."""
    findings: list[dict[str, str]] = field(default_factory=list)
    """What is not as it should be, and keeps it from nothing."""

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as plain values."""
        return asdict(self)


async def probe(
    root: Path | None, environ: Mapping[str, str], checkout: Path, searches: Sequence[Search] = ()
) -> Verdict:
    """Boot read-only on the installation and return what was seen; what goes wrong is part of the verdict."""
    verdict = Verdict()
    begun = time.monotonic()
    try:
        installation = find_installation(root, environ, checkout)
        async with boot_read_only(installation) as daemon:
            verdict.timings["boot"] = time.monotonic() - begun
            await _count_and_list(daemon, verdict)
            await search(daemon, searches, verdict)
        verdict.ok = True
    except TeleClaudeError as error:
        verdict.problems.append({"message": error.message, "hint": error.hint})
    return verdict


async def _count_and_list(daemon: Daemon, verdict: Verdict) -> None:
    """Fill `verdict` with what the booted daemon lists and counts."""
    begun = time.monotonic()
    verdict.backend = daemon.engine.dialect.name
    verdict.schema_revision = daemon.revision
    verdict.pending_runs = list(daemon.pending)
    async with daemon.engine.connect() as connection:
        verdict.counts = await count_rows(connection)
    verdict.timings["count"] = time.monotonic() - begun
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=_find_room()) as folder:
        socket = Path(folder) / SOCKET
        async with listening(daemon.service, socket):
            verdict.open_sessions, verdict.all_sessions = await asyncio.gather(
                _list_ids(socket, closed=False), _list_ids(socket, closed=True)
            )
    verdict.timings["list"] = time.monotonic() - begun


def _find_room() -> Path:
    """Return where the folder of the socket has room: that of temporary files, unless its path is too long for one."""
    usual = Path(tempfile.gettempdir())
    longest = usual / f"{PREFIX}{'x' * 16}" / SOCKET
    return usual if len(os.fsencode(longest)) <= LONGEST_PATH else _SHORT


async def _list_ids(socket: Path, *, closed: bool) -> list[str]:
    """Return the ids of the sessions that are listed."""
    return [session["session_id"] async for page in read_sessions(socket, closed=closed) for session in page]


async def search(daemon: Daemon, searches: Sequence[Search], verdict: Verdict) -> None:
    """Fill `verdict` with what the searches find."""
    begun = time.monotonic()
    async with daemon.engine.connect() as connection:
        verdict.searches = await find_all(connection, searches)
    verdict.timings["search"] = time.monotonic() - begun
