"""Asynchronous work that a signal cancels, instead of an exception that tears it apart anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from teleclaude import interrupt

_T = TypeVar("_T")

_CLOSING_SECONDS = 10.0
"""How long what is closed after an interrupt may take, such as a connection over a network that is gone, in seconds."""


def run_interruptible(
    work: Coroutine[Any, Any, _T], *, undoes_itself: bool = False, again: Callable[[], None] = lambda: None
) -> _T:
    """Do work, and return its result; the first signal cancels it, and later ones call `again`.

    What `undoes_itself` may take its time for that. After its end a signal comes too late, and its result counts.
    Raises Interrupted where the work was cancelled.
    """
    asked = False
    soon: Callable[[Callable[[], None]], object] = lambda _reaction: None  # noqa: E731
    cancel: Callable[[], None] = lambda: None  # noqa: E731

    def heard() -> None:
        # Not at once: a stream, for one, may be in the middle of a line, and takes no other then.
        nonlocal asked
        soon(again if asked else cancel)
        asked = True

    async def cancellable() -> _T:
        nonlocal soon, cancel
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        soon, cancel = loop.call_soon_threadsafe, partial(_cancel, task, undoes_itself)
        if asked:
            cancel()
        try:
            return await work
        finally:
            # In the same moment, so that no signal cuts off the report of what is done.
            (interrupt.ignore if undoes_itself else interrupt.clean_up_first)()

    interrupt.take(heard)
    try:
        result = asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise interrupt.Interrupted from None
    if asked and not undoes_itself:
        raise interrupt.Interrupted
    return result


def _cancel(task: asyncio.Task[Any], undoes_itself: bool) -> None:
    task.cancel()
    if not undoes_itself:
        task.get_loop().call_later(_CLOSING_SECONDS, interrupt.end)
