"""Standard output and error, whose reader may go away before everything is written."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GONE = {errno.EPIPE, errno.EIO}
"""The errors of a pipe without a reader and of a terminal that was closed."""


class _Outlet(io.FileIO):
    """A stream that drops its output once its reader has gone: the work goes on, and its exit code stays."""

    def write(self, said: ReadableBuffer, /) -> int:
        """Write, or drop the output where nothing reads it; raises OSError for every other reason."""
        try:
            return super().write(said)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return memoryview(said).nbytes


def open_outlet(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return a replacement of a standard stream; characters that its encoding lacks are escaped."""
    return io.TextIOWrapper(
        io.BufferedWriter(_Outlet(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        # A file name need not be UTF-8.
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
