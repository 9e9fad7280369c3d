"""Telling systemd that we are ready, stop, or live (sd_notify(3)); nothing where nobody asked."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress


def notify(state: str, environ: Mapping[str, str] = os.environ) -> None:
    """Send a state such as READY=1; a manager that does not listen is no reason to fail."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        # A name that begins with @ is an abstract one, which the kernel begins with NUL (unix(7)).
        sender.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)


async def keep_alive(environ: Mapping[str, str] = os.environ) -> None:
    """Say that we live, twice in the time that systemd's watchdog allows; for ever, and in silence without one."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    seconds = int(microseconds) / 2e6 if microseconds.isdigit() and int(microseconds) else 3600.0
    while True:
        if microseconds:
            notify("WATCHDOG=1", environ)
        await asyncio.sleep(seconds)
