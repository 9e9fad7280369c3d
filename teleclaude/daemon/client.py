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
            said = await answer.json(content_type=None)
            if answer.status != 200:
                unexplained = {"error": f"GET {path} answered {answer.status}", "hint": "see the log of the daemon"}
                refusal = {**unexplained, **(said if isinstance(said, dict) else {})}
                raise TeleClaudeError(refusal["error"], refusal["hint"])
            return said
    except PermissionError as error:
        raise TeleClaudeError(f"you may not connect to {socket}", "call as the user whose daemon it is") from error
    except ValueError as error:
        raise TeleClaudeError(f"what answers on {socket} is no daemon of ours", "see who listens there") from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise TeleClaudeError(
            f"no daemon answers on {socket}",
            "start it, for a service: sudo systemctl start teleclaude-system; else: teleclaude daemon",
        ) from error
