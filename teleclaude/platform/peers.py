"""Which account is at the other end of a Unix socket: the kernel says it, and no byte that is sent changes it."""

from __future__ import annotations

import socket
import struct
import sys
from typing import Protocol

_UCRED = struct.Struct("iII")
"""struct ucred of Linux: process, user, group (unix(7))."""

_SOL_LOCAL = 0
_LOCAL_PEERCRED = 1
_XUCRED = struct.Struct("IIh2x16I")
"""struct xucred of macOS: version, user, number of groups, groups (sys/ucred.h, unix(4))."""


class Connected(Protocol):
    """A connected socket, or what asyncio hands out for one."""

    def getsockopt(self, level: int, option: int, length: int, /) -> bytes:
        """Return an option as bytes."""


def read_peer(connection: Connected) -> int:
    """Return the user id at the other end, as it was when it connected.

    Raises OSError where the system does not tell; macOS tells nothing of a peer that has gone.
    """
    if sys.platform == "darwin":
        return int(_XUCRED.unpack(connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))[1])
    return int(_UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))[1])
