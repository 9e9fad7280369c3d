"""The daemon below a root, as a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """Start `teleclaude daemon`."""
    command = (sys.executable, "-m", "teleclaude", "daemon", *arguments)
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


@asynccontextmanager
async def running(root: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the daemon below `root` from when it listens, and kill it in the end."""
    daemon = await start("--root", str(root))
    assert daemon.stderr is not None
    line = await asyncio.wait_for(daemon.stderr.readline(), 30)
    assert b"listening" in line, line + await daemon.stderr.read()
    try:
        yield daemon
    finally:
        if daemon.returncode is None:
            daemon.kill()
        await daemon.wait()
