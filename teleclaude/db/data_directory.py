"""The data directory of a PostgreSQL server, if it is on this computer and visible to this process."""

from __future__ import annotations

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
    try:
        serving = psutil.Process(process)
        postmaster = serving.parent()
        if not serving.name().startswith(("postgres", "postmaster")) or postmaster is None:
            return None
        words = postmaster.cmdline()
    except psutil.Error:
        return None
    folder = next((Path(value) for word, value in pairwise(words) if word == "-D"), None)
    return folder if folder is not None and folder.is_absolute() and _is_seen(folder) else None


def _is_seen(folder: Path) -> bool:
    try:
        return folder.exists()
    except OSError:
        return False
