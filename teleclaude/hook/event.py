"""The event that an agent tells of, in the words of the daemon (facts: hooks)."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress

from teleclaude.agents import EVENTS
from teleclaude.hook.payload import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_KNOWN = {"session_start", "user_prompt_submit", "tool_use", "tool_done", "agent_stop", "error"}

_LONGEST_NAME = 500
"""The longest id that the daemon takes, in characters."""


def make_event(agent: str, said: str | None, cwd: str | None, payload: dict[str, Any]) -> dict[str, Any] | None:
    """Return the event for `POST /hooks`, None where there is nothing to tell. It has happened now."""
    kind = _find_kind(agent, said, payload)
    prompt = payload.get("prompt")
    if kind is None or (kind == "user_prompt_submit" and isinstance(prompt, str) and not prompt.strip()):
        return None
    native = _text(payload, "session_id") or _text(payload, "thread-id")
    session = read_marker(os.environ)
    if native is None and session is None:
        return None
    event = {
        "event_id": os.urandom(16).hex(),
        "received_at": _write_moment(time.time()),
        "event_type": kind,
        "agent": agent,
        "session_id": session,
        "native_session_id": native,
        "cwd": clean(cwd) if cwd else _text(payload, "cwd") or _find_cwd(),
        "payload": payload,
    }
    return {name: value for name, value in event.items() if value is not None}


def _find_kind(agent: str, said: str | None, payload: Mapping[str, Any]) -> str | None:
    native = said or _text(payload, "hook_event_name") or _text(payload, "type") or ""
    return native if native in _KNOWN else EVENTS[agent].get(native)


def _text(payload: Mapping[str, Any], name: str) -> str | None:
    value = payload.get(name)
    return value if isinstance(value, str) and value else None


def _find_cwd() -> str | None:
    # It may have been removed.
    with suppress(OSError):
        return clean(os.getcwd())
    return None


def _write_moment(seconds: float) -> str:
    """Return a moment in ISO 8601; the module for that takes longer to import than the rest."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{int(seconds % 1 * 1e6):06}+00:00"


def read_marker(environ: Mapping[str, str]) -> str | None:
    """Return the session whose terminal this is, None outside of one."""
    if not environ.get("TMUX"):
        return None
    for name in ("TMPDIR", "TMP", "TEMP"):
        with suppress(KeyError, OSError, ValueError):
            # A pipe in its place would keep us waiting.
            found = os.open(f"{environ[name]}/teleclaude_session_id", os.O_RDONLY | os.O_NONBLOCK)
            try:
                said = os.read(found, 4 * _LONGEST_NAME) if stat.S_ISREG(os.fstat(found).st_mode) else b""
            finally:
                os.close(found)
            if (session := said.decode().strip()) and len(session) <= _LONGEST_NAME:
                return session
    return None
