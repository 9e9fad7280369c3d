"""The limits of a connection: one request, a number of seconds, a number of connections of one account."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from teleclaude.daemon import problems
from teleclaude.daemon.route import Refusal
from teleclaude.errors import Problem
from teleclaude.platform.peers import read_peer

CONNECTION_SECONDS = 60
"""From the first byte of the request to the last byte of the answer, whichever side is slow."""

_LINGER_SECONDS = 5

_NOBODY = 2**32 - 1
"""A number that no account has (chown(2))."""

MOST_CONNECTIONS = 64
"""Of one account at a time; one more is refused and closed."""

LONGEST_LINE = 8190
"""In bytes: of the request line and of a header's value."""

MOST_HEADERS = 64

_SILENT = logging.getLogger("teleclaude.daemon.access")
"""aiohttp would log paths and headers; what we log of a request is in `api`."""
_SILENT.disabled = True


def make_refusal(status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an answer that is no success."""
    return web.Response(body=_to_body(problem), status=status, headers=headers, content_type="application/json")


def _to_body(problem: Problem) -> bytes:
    return Refusal(error=problem.message, hint=problem.hint, detail=problem.message).model_dump_json().encode()


_TOO_MANY_BODY = _to_body(problems.TOO_MANY_CONNECTIONS)
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
            # A caller that is refused while it still sends has to read the refusal, not a broken pipe.
            lingering_time=_LINGER_SECONDS,
            # A few compressed bytes can expand to very many.
            auto_decompress=False,
        )
        self.open_connections = open_connections
        self.uid = _NOBODY
        self.deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; where the account has too many connections, refuse and close."""
        assert isinstance(transport, asyncio.Transport)
        # Of a caller who has already closed the connection, macOS tells no credentials.
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
        # Adding an empty Counter removes the accounts that have no connection.
        self.open_connections += Counter()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Refuse what is no valid HTTP, and quote nothing of it."""
        response = make_refusal(status, problems.NOT_HTTP)
        response.force_close()
        return response
