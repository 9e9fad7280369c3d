"""The memory that all answers and long bodies may take together; who wants more waits for its share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from teleclaude.daemon import problems
from teleclaude.errors import RequestError

BUDGET = 64 * 1024 * 1024
"""In bytes."""

SHARE_SECONDS = 10
"""How long a request waits for its share."""


class Budget:
    """What is free, and who waits, the longest first."""

    def __init__(self) -> None:
        self.free = BUDGET
        self._waiting: deque[tuple[int, Share, asyncio.Future[None]]] = deque()

    @contextmanager
    def sharing(self) -> Iterator[Share]:
        """Give a request a share, of nothing yet, for as long as the context lasts."""
        share = Share(self)
        try:
            yield share
        finally:
            share.resize(0)

    async def wait(self, share: Share, size: int) -> None:
        """Return when a share has grown to `size`; raises TimeoutError."""
        granted = asyncio.get_running_loop().create_future()
        self._waiting.append((size, share, granted))
        self.grant()
        try:
            await asyncio.wait_for(granted, SHARE_SECONDS)
        finally:
            self._waiting = deque(each for each in self._waiting if each[2] is not granted)
            self.grant()

    def grant(self) -> None:
        """Give what is free to who waits longest."""
        while self._waiting and self._waiting[0][0] - self._waiting[0][1].size <= self.free:
            size, share, granted = self._waiting.popleft()
            if not granted.done():
                self.free -= size - share.size
                share.size = size
                granted.set_result(None)


class Share:
    """The part of a budget that one request has."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.size = 0

    async def grow(self, size: int) -> None:
        """Wait until the share is `size`, or all there is; raises RequestError (503)."""
        wanted = min(size, BUDGET)
        if wanted <= self.size:
            return
        try:
            await self._budget.wait(self, wanted)
        except TimeoutError:
            raise RequestError(503, problems.NO_MEMORY_LEFT) from None

    def resize(self, size: int) -> None:
        """Set the share to what is in memory, whether that was free or not."""
        self._budget.free -= size - self.size
        self.size = size
        self._budget.grant()
