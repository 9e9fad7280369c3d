"""Asking a daemon over its Unix socket."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from teleclaude.errors import TeleClaudeError

TIMEOUT = aiohttp.ClientTimeout(total=60)


async def ask(socket: Path, path: str, headers: Mapping[str, str] | None = None) -> Any:
    """Return the JSON that the daemon at `socket` answers to GET `path`.

    Raises TeleClaudeError where no daemon answers, or it answers with an error.
    """
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=TIMEOUT) as session,
            session.get(f"http://teleclaude{path}", headers=headers) as answer,
        ):
            if answer.status != 200:
                raise TeleClaudeError(f"GET {path} answered {answer.status}", "see the log of the daemon")
            return await answer.json()
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise TeleClaudeError(f"no daemon answers on {socket}", "start it with: teleclaude daemon") from error
