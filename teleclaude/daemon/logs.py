"""The log: one JSON object a line on standard error, which systemd keeps. No values, so no secrets."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_VARIABLE = "TELECLAUDE_LOG_LEVEL"
_OURS = "teleclaude"


class JsonLines(logging.Formatter):
    """Writes what happened and where, and nothing of what was in it.

    What other packages say is written without its arguments, its first line alone (asyncio adds what it was about),
    and of an exception only its type and where it was
    raised: either may hold a value.
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
    """Return the types of an exception and its causes, and the places that it passed."""
    types: list[str] = []
    each: BaseException | None = error
    while each is not None and len(types) < 10:
        types.append(type(each).__qualname__)
        each = each.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": types, "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-15:]]}


def start_logging(environment: Mapping[str, Any]) -> None:
    """Log from the level on that `TELECLAUDE_LOG_LEVEL` says in the configuration's environment, else from INFO."""
    wanted = str(environment.get(_VARIABLE, "")).upper()
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level="WARNING", handlers=[handler], force=True)
    logging.getLogger(_OURS).setLevel(wanted if wanted in _LEVELS else "INFO")
