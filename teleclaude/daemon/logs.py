"""The log: one JSON object a line on standard error, which systemd keeps. No values, so no secrets."""

from __future__ import annotations

import json
import logging
import math
import time
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_VARIABLE = "TELECLAUDE_LOG_LEVEL"
_OURS = "teleclaude"
_SELDOM_SECONDS = 60


class JsonLines(logging.Formatter):
    """Writes events and places, and no values.

    Of a message of another package it writes the first line without arguments, of an exception the types and places.
    All else may hold a value; asyncio, for example, adds the objects that it speaks of.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        ours = record.name.partition(".")[0] == _OURS
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage() if ours else str(record.msg).partition("\n")[0],
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1] is not None:
            said |= _describe_exception(record.exc_info[1])
        return json.dumps(said, default=str)


def _describe_exception(error: BaseException) -> dict[str, Any]:
    """Return the types of an exception and of its causes, and the places of its traceback."""
    types: list[str] = []
    each: BaseException | None = error
    while each is not None and len(types) < 10:
        types.append(type(each).__qualname__)
        each = each.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": types, "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-15:]]}


class Seldom:
    """Tells whether something may be logged again: once a minute."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def may(self, event: str) -> bool:
        """Return whether an event was not logged in the last minute, and take it for logged."""
        now = time.monotonic()
        if now - self._last.get(event, -math.inf) < _SELDOM_SECONDS:
            return False
        self._last[event] = now
        return True


def start_logging(environment: Mapping[str, Any]) -> None:
    """Log from the level in `TELECLAUDE_LOG_LEVEL` on, of the configuration's environment; without it, from INFO on."""
    wanted = str(environment.get(_VARIABLE, "")).upper()
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level="WARNING", handlers=[handler], force=True)
    logging.getLogger(_OURS).setLevel(wanted if wanted in _LEVELS else "INFO")
