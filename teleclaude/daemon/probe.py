"""The probe: boot read-only, list the sessions over a socket in a private folder, as callers do, and give a verdict."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from teleclaude.daemon.boot import Daemon, boot_read_only, find_installation
from teleclaude.daemon.client import read_sessions
from teleclaude.daemon.serve import listening
from teleclaude.db.search.places import Search, find_all
from teleclaude.db.store.system import count_rows
from teleclaude.errors import TeleClaudeError

_SHORT = "/tmp"  # noqa: S108 - the folder in it is ours alone
"""Of temporary folders the one whose path leaves room for the name of a socket; TMPDIR may name a long one."""


@dataclass
class Verdict:
    """What a daemon sees that boots on this installation. Printed as JSON; times are in seconds."""

    ok: bool = False
    backend: str | None = None
    schema_revision: str | None = None
    pending_runs: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    open_sessions: list[str] = field(default_factory=list)
    all_sessions: list[str] = field(default_factory=list)
    searches: list[list[int]] = field(default_factory=list)
    """The ids that each search found, in the order of the searches."""
    timings: dict[str, float] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)
    """What prevents the boot or makes it unsafe: each has `message` and `hint`."""
    findings: list[dict[str, str]] = field(default_factory=list)
    """What is wrong and prevents nothing, in the same form."""


async def probe(
    root: Path | None, environ: Mapping[str, str], checkout: Path, searches: Sequence[Search] = ()
) -> Verdict:
    """Boot read-only on the installation and return the verdict; an error becomes one of its problems."""
    verdict = Verdict()
    begun = time.monotonic()
    try:
        installation = find_installation(root, environ, checkout)
        async with boot_read_only(installation) as daemon:
            verdict.timings["boot"] = time.monotonic() - begun
            await _count_and_list(daemon, verdict)
            await _search(daemon, searches, verdict)
        verdict.ok = True
    except TeleClaudeError as error:
        verdict.problems.append(asdict(error.problem))
    return verdict


async def _count_and_list(daemon: Daemon, verdict: Verdict) -> None:
    """Fill `verdict` with what the booted daemon lists and counts."""
    begun = time.monotonic()
    verdict.backend = daemon.service.engine.dialect.name
    verdict.schema_revision = daemon.revision
    verdict.pending_runs = list(daemon.pending)
    async with daemon.service.engine.connect() as connection:
        verdict.counts = await count_rows(connection)
    verdict.timings["count"] = time.monotonic() - begun
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="teleclaude-probe-", dir=_SHORT) as folder:
        socket = Path(folder) / "probe.sock"
        async with listening(daemon.service, socket):
            verdict.open_sessions, verdict.all_sessions = await asyncio.gather(
                _list_ids(socket, closed=False), _list_ids(socket, closed=True)
            )
    verdict.timings["list"] = time.monotonic() - begun


async def _list_ids(socket: Path, *, closed: bool) -> list[str]:
    """Return the ids of the sessions that are listed."""
    return [session["session_id"] async for page in read_sessions(socket, closed=closed) for session in page]


async def _search(daemon: Daemon, searches: Sequence[Search], verdict: Verdict) -> None:
    """Fill `verdict` with the ids that the searches find."""
    begun = time.monotonic()
    async with daemon.service.engine.connect() as connection:
        verdict.searches = await find_all(connection, searches)
    verdict.timings["search"] = time.monotonic() - begun
