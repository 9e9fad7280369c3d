"""What one connection may take: one request, so many seconds, so many connections for each account."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from teleclaude.daemon.route import Failure
from teleclaude.platform.peers import read_peer

CONNECTION_SECONDS = 60
"""From the first byte to the last, whichever side is slow: sending the request, answering, taking the answer."""

_LINGER_SECONDS = 5

_NOBODY = 2**32 - 1
"""The number that no account has (chown(2)), and so nobody known."""

MOST_CONNECTIONS = 64
"""Of one account at a time; a further one is told so and closed."""

LONGEST_LINE = 8190
"""In bytes: of the request line and of a header's value."""

MOST_HEADERS = 64

_SILENT = logging.getLogger("teleclaude.daemon.access")
"""aiohttp would log paths and headers; what we log of a request is in `api`."""
_SILENT.disabled = True


def make_failure(status: int, error: str, hint: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer in the form of every failure."""
    body = Failure(error=error, hint=hint).model_dump_json().encode()
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


_TOO_MANY_BODY = (
    Failure(error="your account has too many connections open", hint="close some").model_dump_json().encode()
)
_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Retry-After: 1\r\nContent-Length: %d\r\n\r\n%s" % (len(_TOO_MANY_BODY), _TOO_MANY_BODY)
)


class Connection(web.RequestHandler):
    """aiohttp's side of a connection, within these bounds."""

    def __init__(self, server: web.Server, open_connections: Counter[int]) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=_SILENT,
            tcp_keepalive=False,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            max_headers=MOST_HEADERS,
            # A caller that is refused while it still sends is to read the refusal, not a broken pipe.
            lingering_time=_LINGER_SECONDS,
            # A few bytes that unpack to a great many are no request of ours.
            auto_decompress=False,
        )
        self.open_connections = open_connections
        self.uid = _NOBODY
        self.deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; or end at once, where the account has too many."""
        assert isinstance(transport, asyncio.Transport)
        # macOS tells nothing of a caller who has gone already; then the connection is gone, too.
        with suppress(OSError):
            self.uid = read_peer(transport.get_extra_info("socket"))
        self.open_connections[self.uid] += 1
        super().connection_made(transport)
        if self.open_connections[self.uid] > MOST_CONNECTIONS:
            transport.write(_TOO_MANY)
            transport.close()
        self.deadline = asyncio.get_running_loop().call_later(CONNECTION_SECONDS, transport.abort)

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        super().connection_lost(exc)
        if self.deadline is not None:
            self.deadline.cancel()
        self.open_connections[self.uid] -= 1
        # Keeps nothing of those who have gone.
        self.open_connections += Counter()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP in the form of every failure, and quote nothing of it."""
        response = make_failure(status, "this is no request that HTTP knows", "send HTTP/1.1")
        response.force_close()
        return response
