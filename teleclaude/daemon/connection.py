"""The limits of a connection: one request, and a number of seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from aiohttp import StreamReader, web

from teleclaude.daemon import problems
from teleclaude.daemon.gate import Gate
from teleclaude.daemon.route import Refusal
from teleclaude.errors import Problem

CONNECTION_SECONDS = 60
"""From the first byte of the request to the last byte of the answer, whichever side is slow."""

IDLE_SECONDS = 10
"""Until the headers of the request are there."""

_LINGER_SECONDS = 5

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


def write_refusal(problem: Problem) -> bytes:
    """Return the whole answer to a caller who may not connect now, whatever it asks."""
    body = _to_body(problem)
    head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\nRetry-After: 1"
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Connection(web.RequestHandler):
    """aiohttp's side of a connection, within these bounds."""

    def __init__(self, server: web.Server, uid: int, gate: Gate) -> None:
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
        self.uid = uid
        self.gate = gate
        self._body: StreamReader | None = None
        """Of the request, once its headers are there."""
        self._deadlines: tuple[asyncio.TimerHandle, ...] = ()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        later = asyncio.get_running_loop().call_later
        self._deadlines = (later(IDLE_SECONDS, self._end_idle), later(CONNECTION_SECONDS, transport.abort))

    def _end_idle(self) -> None:
        if self._body is None and self.transport is not None:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take what the caller sends."""
        super().data_received(data)
        if self._body is None and self._messages:
            self._body = self._messages[0][1]

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio reads what aiohttp does not tell
        """Return whether to keep the connection of a caller who sends no more: it waits for its answer."""
        return self._body is not None and self._body.is_eof()

    def connection_lost(self, exc: BaseException | None) -> None:
        """End."""
        super().connection_lost(exc)
        for deadline in self._deadlines:
            deadline.cancel()
        self.gate.leave(self.uid)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer; what aiohttp refuses before it asks us is refused in our form: an Expect that is unknown."""
        if isinstance(resp, web.HTTPException):
            resp = make_refusal(resp.status, problems.NO_EXPECTATION)
            resp.force_close()
        return await super().finish_response(request, resp, start_time)

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
