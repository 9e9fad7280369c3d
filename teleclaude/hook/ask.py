"""One request to the daemon, within a time. The standard library's client takes longer to import than all else."""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress

_RUN = "usr/local/var/run" if sys.platform == "darwin" else "run"

SOCKET = f"{_RUN}/teleclaude/teleclaude.sock"
"""Where the daemon listens, below the root (`teleclaude.layout`, which takes too long to import)."""

_LONGEST_ANSWER = 1024 * 1024


def ask(path: str, method: str, target: str, body: bytes, deadline: float) -> tuple[int, bytes] | None:
    """Return the status and the body of the daemon's answer; None where none is complete at the deadline.

    `deadline` is a moment of `time.monotonic()`.
    """
    head = f"{method} {target} HTTP/1.0\r\nHost: teleclaude\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_left(deadline))
            connection.connect(path)
            # Who may not ask is answered before the whole request is read.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            return _read_answer(connection, deadline)
    except (OSError, ValueError, IndexError):
        return None


def _read_answer(connection: socket.socket, deadline: float) -> tuple[int, bytes] | None:
    said = b""
    with suppress(ConnectionResetError):
        while len(said) < _LONGEST_ANSWER:
            connection.settimeout(_left(deadline))
            if not (more := connection.recv(65536)):
                break
            said += more
    head, _, body = said.partition(b"\r\n\r\n")
    status, *headers = head.lower().split(b"\r\n")
    (length,) = (int(line.partition(b":")[2]) for line in headers if line.startswith(b"content-length:"))
    return (int(status.split(b" ")[1]), body) if len(body) == length else None


def _left(deadline: float) -> float:
    """Return the seconds that are left, raises TimeoutError where none are."""
    if (left := deadline - time.monotonic()) <= 0:
        raise TimeoutError
    return left
