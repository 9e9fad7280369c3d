"""The standard streams: closed ones are replaced, and no failure to write cuts off the work."""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GONE = {errno.EPIPE, errno.EIO}
"""The errors of a pipe without a reader and of a terminal that was closed."""


class Outlet(io.FileIO):
    """A stream that drops its output once it cannot be written: the work goes on, and its exit code stays."""

    lost: OSError | None = None
    """Why somebody who still reads has not got everything, such as a full disk."""

    def write(self, said: ReadableBuffer, /) -> int:
        """Write, or drop the output."""
        try:
            return super().write(said)
        except OSError as error:
            if error.errno not in _GONE:
                self.lost = error
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return memoryview(said).nbytes


def open_outlets() -> Outlet:
    """Replace the standard streams, and return the outlet of stdout.

    A stream that is closed becomes the null device. Otherwise the next file that is opened, such as a database, would
    get its number, and whatever is said would be written into that.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    outlet = Outlet(1, "w", closefd=False)
    sys.stdout = _open_outlet(outlet, sys.stdout)
    sys.stderr = _open_outlet(Outlet(2, "w", closefd=False), sys.stderr)
    return outlet


def _open_outlet(outlet: Outlet, before: TextIO | None) -> io.TextIOWrapper:
    """Return the replacement of a standard stream, which is None where it was closed."""
    return io.TextIOWrapper(
        io.BufferedWriter(outlet),
        encoding=getattr(before, "encoding", "utf-8"),
        # The encoding may lack characters, and a file name need not be UTF-8.
        errors="backslashreplace",
        line_buffering=getattr(before, "line_buffering", False),
        write_through=getattr(before, "write_through", False),
    )


def flush_outlets() -> None:
    """Write what is still held back."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
