"""Blocking work in a thread that an interrupt ends: at its next question or chunk, without waiting for the last one.

A thread cannot be ended from outside. So everything that takes long in it calls `go_on`, and what blocks for ever is
left behind: it ends with the process.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, TypeVarTuple

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

STOP_SECONDS = 1.0
"""How long the work may take to stop, before it is left behind."""

_stop: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("stop", default=None)


class Stopped(BaseException):
    """The work was interrupted; no handler of errors takes it for one."""


def go_on() -> None:
    """Raise Stopped where the work of this thread was interrupted."""
    stop = _stop.get()
    if stop is not None and stop.is_set():
        raise Stopped


async def in_thread(work: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
    """Return the result of blocking work; a cancellation stops it. Raises what it raises."""
    loop, stop = asyncio.get_running_loop(), threading.Event()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(result: Callable[[], None]) -> None:
        # The loop may have ended before work that was left behind ends.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(result)

    def run() -> None:
        _stop.set(stop)
        try:
            result = work(*arguments)
        except BaseException as error:
            failure = error
            settle(lambda: done.set_exception(failure))
        else:
            settle(lambda: done.set_result(result))

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        stop.set()
        # Its private files are removed next.
        await asyncio.wait([done], timeout=STOP_SECONDS)
        if done.done():
            done.exception()
        raise
