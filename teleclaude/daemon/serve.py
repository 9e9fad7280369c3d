"""Serving until told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import web

from teleclaude.daemon import problems
from teleclaude.daemon.accept import Listener
from teleclaude.daemon.api import make_app
from teleclaude.daemon.boot import Daemon
from teleclaude.daemon.gate import Gate, read_most
from teleclaude.daemon.hourly import work_every_hour
from teleclaude.daemon.outbox import deliver_for_ever
from teleclaude.daemon.service import Service
from teleclaude.errors import BootRefusedError, LockHeldError

_LOG = logging.getLogger(__name__)

_OWN_MODE = 0o600
"""Of the socket of a single-user installation: only its user may connect."""

SYSTEM_MODE = 0o666
"""Of the system's socket: everybody may connect, and the daemon decides by the account what it answers."""

_BACKLOG = 128

_LONGEST_PATH = 103
"""Of a socket, in bytes, as on macOS; Linux allows four more (unix(7))."""


async def serve(daemon: Daemon) -> None:
    """Serve over the Unix socket until SIGTERM, with which a service manager stops it, or until it is cancelled.

    Raises LockHeldError where another process answers on the socket, BootRefusedError where its path is too long or
    the database may no longer be served.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    path = daemon.installation.socket
    await _make_place(path)
    mode = _OWN_MODE if daemon.installation.single_user else SYSTEM_MODE
    async with listening(daemon.service, path, mode):
        _LOG.info("listening on %s", path)
        notify("READY=1")
        try:
            async with asyncio.TaskGroup() as group:
                duties = [group.create_task(duty) for duty in _duties(daemon)]
                await stopping.wait()
                for duty in duties:
                    duty.cancel()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            notify("STOPPING=1")
    _LOG.info("stopped")


def _duties(daemon: Daemon) -> Iterator[Coroutine[Any, Any, Any]]:
    """Yield the work beside answering, which lasts as long as the daemon serves."""
    yield deliver_for_ever(daemon.service)
    yield _keep_alive()
    if daemon.lease is not None:
        yield daemon.lease.keep()
        # A single-user installation leaves this to the single-user program.
        yield work_every_hour(daemon.service)


@asynccontextmanager
async def listening(service: Service, path: Path, mode: int = _OWN_MODE) -> AsyncIterator[None]:
    """Answer on the Unix socket at `path` for as long as the context lasts."""
    # Accounts may come from a server elsewhere, which may be slow.
    gate = Gate(await asyncio.to_thread(service.read_roles), read_most())
    runner = web.AppRunner(make_app(service), shutdown_timeout=5)
    await runner.setup()
    assert runner.server is not None
    listener = Listener(_bind(path, mode), runner.server, gate)
    try:
        yield
    finally:
        listener.close()
        await runner.cleanup()
        path.unlink(missing_ok=True)


def _bind(path: Path, mode: int) -> socket.socket:
    """Return a socket that listens at `path`."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The mask is set before the bind, so that the socket is never open to others, not even for a moment.
    mask = os.umask(0o777 & ~mode)
    try:
        listening.bind(str(path))
    finally:
        os.umask(mask)
    listening.listen(_BACKLOG)
    return listening


async def _make_place(path: Path) -> None:
    """Make the folder of the socket, open to everybody, and remove the socket of a daemon that was killed.

    Raises LockHeldError, BootRefusedError.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise BootRefusedError(problems.SOCKET_PATH_TOO_LONG.fill(path=path, most=_LONGEST_PATH))
    if not path.parent.exists():
        path.parent.mkdir(parents=True)
        path.parent.chmod(0o755)
    await _clear_socket(path)


async def _clear_socket(path: Path) -> None:
    """Remove a socket on which no process answers; raises LockHeldError where one does."""
    try:
        _, writer = await asyncio.open_unix_connection(str(path))
    except FileNotFoundError:
        return
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return
    writer.close()
    raise LockHeldError(problems.SOCKET_IN_USE.fill(path=path))


def notify(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Tell systemd a state such as READY=1 (sd_notify(3)); without a NOTIFY_SOCKET, or a listener there, do nothing."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        # A name that begins with @ is an abstract one, which the kernel begins with NUL (unix(7)).
        sender.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)


async def _keep_alive(environ: Mapping[str, str] = os.environ) -> None:
    """Send WATCHDOG=1 twice in the time that systemd's watchdog allows, for ever; without a watchdog, only wait."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    seconds = int(microseconds) / 2e6 if microseconds.isdigit() and int(microseconds) else 3600.0
    while True:
        if microseconds:
            notify("WATCHDOG=1", environ)
        await asyncio.sleep(seconds)
