"""Asking a daemon over its Unix socket."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp

from teleclaude.daemon import problems
from teleclaude.errors import TeleClaudeError
from teleclaude.layout import make_layout
from teleclaude.platform.names import HERE, names_of

_TIMEOUT = aiohttp.ClientTimeout(total=60)

PAGE = 1000
"""How many sessions or rows are asked for at a time, so that no answer keeps the daemon from others for long."""


async def ask(socket: Path, path: str, headers: Mapping[str, str] | None = None) -> Any:
    """Return the JSON that the daemon at `socket` answers to GET `path`.

    Raises TeleClaudeError where no daemon answers, or it answers with an error.
    """
    return (await _ask(socket, path, headers))[0]


async def _ask(socket: Path, path: str, headers: Mapping[str, str] | None = None) -> tuple[Any, Mapping[str, str]]:
    """Return the JSON and the headers of an answer."""
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=_TIMEOUT) as session,
            session.get(f"http://teleclaude{path}", headers=headers) as answer,
        ):
            said = await answer.json(content_type=None)
            if answer.status != 200:
                unexplained = problems.NO_REASON_GIVEN.fill(path=path, status=answer.status)
                refusal = said if isinstance(said, dict) else {}
                error, hint = refusal.get("error", unexplained.message), refusal.get("hint", unexplained.hint)
                raise TeleClaudeError(problems.DAEMON_SAID.fill(error=error, hint=hint))
            return said, answer.headers
    except PermissionError as error:
        raise TeleClaudeError(problems.MAY_NOT_CONNECT.fill(path=socket)) from error
    except ValueError as error:
        raise TeleClaudeError(problems.NOT_OUR_DAEMON.fill(path=socket)) from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise TeleClaudeError(problems.NO_DAEMON.fill(path=socket, start=_start_command(socket))) from error


def _start_command(socket: Path) -> str:
    """Return how the daemon of a socket is started: of the system, of a trial below a root, of one user."""
    names, relative = names_of(HERE), str(make_layout(HERE).socket)
    root = str(socket).removesuffix(relative)
    if root == str(socket):
        return "teleclaude daemon"
    return f"teleclaude daemon --root {shlex.quote(root)}" if root else names.our(names.commands.start)


async def read_sessions(socket: Path, *, closed: bool) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the sessions that the daemon at `socket` lists, a page at a time, in its order, and each once.

    Raises TeleClaudeError as `ask` does, and where the list changes faster than it can be read.
    """
    known: set[str] = set()
    asked = {"closed": str(closed).lower(), "limit": str(PAGE)}
    while True:
        page, headers = await _ask(socket, f"/sessions?{urlencode(asked)}")
        new = [session for session in page if session["session_id"] not in known]
        if page and not new:
            raise TeleClaudeError(problems.LIST_CHANGED)
        known.update(session["session_id"] for session in new)
        yield new
        if len(page) < PAGE:
            return
        asked["after"] = page[-1]["session_id"]
        # With the cursor, the daemon knows that it has noted this list already.
        asked["cursor"] = headers.get("X-Cursor", asked.get("cursor", ""))


async def list_sessions(socket: Path, *, closed: bool) -> list[dict[str, Any]]:
    """Return all sessions that the daemon at `socket` lists; raises TeleClaudeError as `read_sessions` does."""
    return [session async for page in read_sessions(socket, closed=closed) for session in page]


async def list_audit(socket: Path, wanted: Mapping[str, str], limit: int) -> list[dict[str, Any]]:
    """Return the newest rows of the audit log that fit `wanted`, at most `limit`; raises TeleClaudeError as `ask`."""
    found: list[dict[str, Any]] = []
    while True:
        size = min(PAGE, limit - len(found))
        before = {"before": str(found[-1]["id"])} if found else {}
        page = await ask(socket, f"/audit?{urlencode({**wanted, **before, 'limit': size})}")
        found += page
        if len(page) < size or len(found) == limit:
            return found
