"""Accepting connections: who is refused is told so at once, and costs nothing more."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress

from aiohttp import web

from teleclaude.daemon import problems
from teleclaude.daemon.connection import Connection, write_refusal
from teleclaude.daemon.gate import Gate
from teleclaude.daemon.logs import Seldom
from teleclaude.platform.peers import read_peer

_LOG = logging.getLogger(__name__)

_NOBODY = 2**32 - 1
"""A number that no account has (chown(2))."""

_PAUSE_SECONDS = 1.0
"""Until it is tried again after the system could give no descriptor."""


class Listener:
    """Accepts connections on a socket that listens, one at a time, so that none is open that is not counted."""

    def __init__(self, listening: socket.socket, server: web.Server, gate: Gate) -> None:
        self._listening = listening
        self._server = server
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._seldom = Seldom()
        self._begun: set[asyncio.Task[None]] = set()
        self._paused: asyncio.TimerHandle | None = None
        listening.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Accept no more."""
        if self._paused is not None:
            self._paused.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()

    def _resume(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        try:
            caller, _ = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            self._say("no connection can be accepted", error)
            self._loop.remove_reader(self._listening)
            self._paused = self._loop.call_later(_PAUSE_SECONDS, self._resume)
            return
        uid = _NOBODY
        # Of a caller who has already closed the connection, macOS tells no credentials.
        with suppress(OSError):
            uid = read_peer(caller)
        problem = self._gate.enter(uid)
        if problem is not None:
            if problem is problems.FULL:
                self._say("connections are refused, because too many are open")
            with caller, suppress(OSError):
                caller.setblocking(False)
                caller.send(write_refusal(problem))
            return
        task = self._loop.create_task(self._connect(caller, uid))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _connect(self, caller: socket.socket, uid: int) -> None:
        """Hand a connection to aiohttp."""
        caller.setblocking(False)
        try:
            await self._loop.connect_accepted_socket(lambda: Connection(self._server, uid, self._gate), caller)
        except OSError:
            self._gate.leave(uid)
            caller.close()

    def _say(self, event: str, error: OSError | None = None) -> None:
        if self._seldom.may(event):
            _LOG.warning(event, exc_info=error, extra={"fields": {"open": self._gate.open.total()}})
