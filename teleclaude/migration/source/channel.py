"""Messages to the unprivileged process and back: JSON with its length before it, and perhaps a descriptor."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from typing import Any

from teleclaude.migration.source.stoppable import go_on

_HEADER = 8

_LOOK_SECONDS = 0.1
"""Between looks for an interrupt while an answer is waited for."""


class Channel:
    """A channel that waits up to a deadline, and looks meanwhile whether the work was interrupted.

    Raises TimeoutError, and Stopped.
    """

    def __init__(self, channel: socket.socket, until: float) -> None:
        self._channel = channel
        self._until = until

    def wait(self, event: int) -> socket.socket:
        """Return the channel as soon as it is ready."""
        waiting = select.poll()
        waiting.register(self._channel, event)
        while not waiting.poll(_LOOK_SECONDS * 1000):
            go_on()
            if time.monotonic() > self._until:
                raise TimeoutError
        return self._channel

    def sendall(self, content: bytes) -> None:
        """Send everything."""
        while content:
            content = content[self.wait(select.POLLOUT).send(content, socket.MSG_DONTWAIT) :]

    def recv(self, size: int) -> bytes:
        """Return what has arrived, up to `size` bytes."""
        return self.wait(select.POLLIN).recv(size)

    def recv_fds(self, size: int) -> tuple[bytes, list[int]]:
        """Return what has arrived, and the descriptor with it."""
        content, descriptors, _, _ = socket.recv_fds(self.wait(select.POLLIN), size, 1)
        return content, descriptors


def send(channel: Channel, message: object, descriptor: int | None = None) -> None:
    """Send a message; the descriptor is closed then."""
    content = json.dumps(message).encode()
    header = len(content).to_bytes(_HEADER, "big")
    if descriptor is None:
        channel.sendall(header + content)
        return
    try:
        socket.send_fds(channel.wait(select.POLLOUT), [header], [descriptor])
    finally:
        os.close(descriptor)
    channel.sendall(content)


def receive(channel: Channel) -> tuple[dict[str, Any], list[int]]:
    """Return the next message and its descriptors; raises EOFError when the other side has gone."""
    header, descriptors = channel.recv_fds(_HEADER)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    header += _receive_exactly(channel, _HEADER - len(header)) if header else b""
    if not header:
        raise EOFError
    message = json.loads(_receive_exactly(channel, int.from_bytes(header, "big")))
    assert isinstance(message, dict)
    return message, descriptors


def _receive_exactly(channel: Channel, size: int) -> bytes:
    content = bytearray()
    while len(content) < size:
        chunk = channel.recv(min(size - len(content), 1 << 20))
        if not chunk:
            raise EOFError
        content += chunk
    return bytes(content)
