"""A network that keeps every connection and, once it is silent, passes nothing on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from sqlalchemy import URL


@dataclass
class Silence:
    """Stands between a client and a server."""

    upstream: URL
    url: URL
    silent: bool = False
    """Whether nothing is passed on, on any connection, new ones included."""
    opened: int = 0
    muted: set[int] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def before(cls, upstream: URL) -> AsyncIterator[Silence]:
        """Listen until the end of the context."""
        network = cls(upstream, upstream)
        server = await asyncio.start_server(network._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        plain = upstream.difference_update_query(["host", "port"])
        network.url = plain.set(host="127.0.0.1", port=port)
        try:
            yield network
        finally:
            server.close()

    def silence_so_far(self) -> None:
        """Silence the connections that there are; new ones are served."""
        self.muted |= set(range(self.opened + 1))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        number = self.opened
        host = self.upstream.query.get("host")
        with suppress(OSError):
            if host:
                there = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{self.upstream.query.get('port', 5432)}")
            else:
                there = await asyncio.open_connection(self.upstream.host, self.upstream.port or 5432)
            await asyncio.gather(self._pass_on(number, reader, there[1]), self._pass_on(number, there[0], writer))

    async def _pass_on(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if not self.silent and number not in self.muted:
                    writer.write(data)
        writer.close()
