"""The data directory of a PostgreSQL server, if it is on this computer and visible to this process."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_SERVING = """
SELECT pg_backend_pid() WHERE inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr()
"""


async def find_data_directory(connection: AsyncConnection) -> Path | None:
    """Return the data directory of the server whose process serves the connection, None where it is not known here.

    PostgreSQL itself shows `data_directory` to superusers only.
    """
    process = await connection.scalar(text(_SERVING))
    return None if process is None else _find(process)


def _find(process: int) -> Path | None:
    with suppress(psutil.Error, OSError):
        serving = psutil.Process(process)
        postmaster = serving.parent()
        if serving.name().startswith(("postgres", "postmaster")) and postmaster is not None:
            folder = next((Path(value) for word, value in pairwise(postmaster.cmdline()) if word == "-D"), Path())
            return folder if folder.is_absolute() and folder.exists() else None
    return None
