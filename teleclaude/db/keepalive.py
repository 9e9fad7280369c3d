"""Keep-alives on both sides of a connection: what falls silent is noticed by the kernel (tcp(7))."""

from __future__ import annotations

import socket
from collections.abc import Container, Mapping
from contextlib import suppress

import asyncpg

_ANSWER_SECONDS = 60.0

_OPTIONS = {
    # macOS has another name for the first one.
    "keepalives_idle": ("TCP_KEEPIDLE", "TCP_KEEPALIVE"),
    "keepalives_interval": ("TCP_KEEPINTVL",),
    "keepalives_count": ("TCP_KEEPCNT",),
    "tcp_user_timeout": ("TCP_USER_TIMEOUT",),
}
"""libpq's name of a limit, and the names of the option of a socket, the first that the system has."""

_SETTINGS = {
    "keepalives_idle": "tcp_keepalives_idle",
    "keepalives_interval": "tcp_keepalives_interval",
    "keepalives_count": "tcp_keepalives_count",
    "tcp_user_timeout": "tcp_user_timeout",
}
"""libpq's name of a limit, and the setting of the server's side (PostgreSQL manual, section 20.3.2)."""


async def keep_alive(connection: asyncpg.Connection, limits: Mapping[str, int], given: Container[str]) -> None:
    """Set the limits on both sides of a connection, except the settings of the server that were `given`.

    Raises TimeoutError where the server does not answer.
    """
    transport = connection._transport  # type: ignore[attr-defined]
    end = transport.get_extra_info("socket")
    if end is None or end.family == socket.AF_UNIX or not limits:
        return
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in limits.items():
        option = next((getattr(socket, each) for each in _OPTIONS[name] if hasattr(socket, each)), None)
        if option is not None and value:
            end.setsockopt(socket.IPPROTO_TCP, option, value)
    # Not as parameters of the connection: a pooler refuses those that it does not know.
    chosen = [f"SET {_SETTINGS[name]} = {value}" for name, value in limits.items() if _SETTINGS[name] not in given]
    with suppress(asyncpg.PostgresError):
        await connection.execute("; ".join(chosen), timeout=_ANSWER_SECONDS)
