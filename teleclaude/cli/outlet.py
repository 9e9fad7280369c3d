"""Standard output and error, whose reader may go before all is said."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_GONE = {errno.EPIPE, errno.EIO}
"""How the system says that nobody reads a pipe any more, or that a terminal was hung up."""


class _Outlet(io.FileIO):
    """A stream that says the rest to nobody once its reader has gone: the work goes on, and its exit code stays."""

    def write(self, said: ReadableBuffer, /) -> int:
        """Write as much as goes, and where nobody reads, to nowhere; raises OSError for every other reason."""
        try:
            return super().write(said)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(said).nbytes


def open_outlet(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Return what is written to instead of a standard stream; what its encoding lacks is written out."""
    return io.TextIOWrapper(
        io.BufferedWriter(_Outlet(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        # The name of a file need not be UTF-8.
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
