"""Serving until told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.daemon.api import make_app
from teleclaude.daemon.boot import Daemon
from teleclaude.errors import BootRefusedError, LockHeldError

SOCKET_MODE = 0o600
"""Only the daemon's own user may connect, as long as callers are not told apart."""

LONGEST_PATH = 103
"""In bytes; Linux takes four more (unix(7)), macOS does not."""


async def serve(daemon: Daemon, ready: Callable[[Path], None]) -> None:
    """Serve over the Unix socket until SIGTERM or SIGINT; `ready` is told once callers can connect.

    Raises LockHeldError where another process answers on the socket, BootRefusedError where its path is too long.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    path = daemon.installation.socket
    if len(os.fsencode(path)) > LONGEST_PATH:
        sentence = f"{path} is longer than the {LONGEST_PATH} bytes that a socket's path may have"
        raise BootRefusedError(sentence, "choose a shorter --root")
    path.parent.mkdir(parents=True, exist_ok=True)
    await clear_socket(path)
    async with listening(daemon.engine, path):
        ready(path)
        await stopping.wait()


@asynccontextmanager
async def listening(engine: AsyncEngine, path: Path) -> AsyncIterator[None]:
    """Answer on the Unix socket at `path` for as long as the context lasts."""
    runner = web.AppRunner(make_app(engine), access_log=None, shutdown_timeout=5)
    await runner.setup()
    try:
        # The mask comes before the bind: a socket must not be open to others for a moment.
        mask = os.umask(0o777 & ~SOCKET_MODE)
        try:
            await web.UnixSite(runner, str(path)).start()
        finally:
            os.umask(mask)
        yield
    finally:
        await runner.cleanup()
        path.unlink(missing_ok=True)


async def clear_socket(path: Path) -> None:
    """Remove the socket of a daemon that was killed; raises LockHeldError where somebody still answers on it."""
    try:
        _, writer = await asyncio.open_unix_connection(str(path))
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return
    writer.close()
    raise LockHeldError(f"another process answers on {path}", "stop it first")
