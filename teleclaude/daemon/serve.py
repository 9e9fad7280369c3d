"""Serving until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from teleclaude.daemon.api import make_app
from teleclaude.daemon.boot import Daemon
from teleclaude.daemon.connection import Connection
from teleclaude.daemon.notify import keep_alive, notify
from teleclaude.daemon.outbox import deliver_for_ever
from teleclaude.daemon.service import Service
from teleclaude.errors import BootRefusedError, LockHeldError

LOG = logging.getLogger(__name__)

_OWN_MODE = 0o600
"""Of the socket of a single-user installation: only its own user may connect."""

SYSTEM_MODE = 0o666
"""Of the system's socket: anybody may connect, and who it is decides what is answered."""

LONGEST_PATH = 103
"""In bytes; Linux takes four more (unix(7)), macOS does not."""


async def serve(daemon: Daemon) -> None:
    """Serve over the Unix socket until SIGTERM or SIGINT.

    Raises LockHeldError where another process answers on the socket, BootRefusedError where its path is too long or
    the database may not be served any more.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    path = daemon.installation.socket
    await _make_place(path)
    mode = _OWN_MODE if daemon.installation.single_user else SYSTEM_MODE
    async with listening(daemon.service, path, mode):
        LOG.info("listening on %s", path)
        notify("READY=1")
        try:
            await _until_first(stopping.wait(), *_duties(daemon))
        finally:
            notify("STOPPING=1")
    LOG.info("stopped")


def _duties(daemon: Daemon) -> Iterator[Coroutine[Any, Any, Any]]:
    """Yield what is done beside answering, for as long as the daemon serves."""
    yield deliver_for_ever(daemon.service)
    yield keep_alive()
    if daemon.lease is not None:
        yield daemon.lease.keep()


async def _until_first(*works: Coroutine[Any, Any, Any]) -> None:
    """Work until one of the works ends, and end the others; raises what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


@asynccontextmanager
async def listening(service: Service, path: Path, mode: int = _OWN_MODE) -> AsyncIterator[None]:
    """Answer on the Unix socket at `path` for as long as the context lasts."""
    runner = web.AppRunner(make_app(service), shutdown_timeout=5)
    await runner.setup()
    web_server, opened = runner.server, Counter[int]()
    assert web_server is not None
    # The mask comes before the bind: a socket must not be open to others for a moment.
    mask = os.umask(0o777 & ~mode)
    try:
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: Connection(web_server, opened), str(path), backlog=128)
    finally:
        os.umask(mask)
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()
        path.unlink(missing_ok=True)


async def _make_place(path: Path) -> None:
    """Make the folder of the socket, open to everybody, and take away a socket that nobody answers on.

    Raises LockHeldError, BootRefusedError.
    """
    if len(os.fsencode(path)) > LONGEST_PATH:
        sentence = f"{path} is longer than the {LONGEST_PATH} bytes that a socket's path may have"
        raise BootRefusedError(sentence, "choose a shorter --root")
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
        path.parent.chmod(0o755)
    await _clear_socket(path)


async def _clear_socket(path: Path) -> None:
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
