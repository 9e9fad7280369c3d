"""An installation of any size: at scale 1, 758 thousand rows, most of them hooks and observations."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from teleclaude.demo.installation import SampleInstallation, make_installation

SESSIONS, OBSERVATIONS, HOOKS = 50_000, 200_000, 500_000
OTHERS = 2_000
"""Sessions of the varied, partly dirty sample, which has about four times as many rows in all tables."""

WORDS = [
    f"{first}{second}{third}" for first in "bdfgklm" for second in ("a", "or", "ine") for third in ("", "s", "ting")
]


def make_data(folder: Path, scale: float, dirty: float = 0.0) -> SampleInstallation:
    """Build the installation; the same scale gives the same one. `dirty` is the share of odd values in large tables."""
    sample = make_installation(folder, sessions=max(round(OTHERS * scale), 10))
    with closing(sqlite3.connect(sample.database)) as database:
        draw = random.Random(1)
        tables = {
            "sessions": (_session(draw, number) for number in range(round(SESSIONS * scale))),
            "memory_observations": (_observation(draw) for _ in range(round(OBSERVATIONS * scale))),
            "hook_outbox": (_hook(draw) for _ in range(round(HOOKS * scale))),
        }
        for table, rows in tables.items():
            _insert(database, table, (_soil(row, dirty) for row in rows) if dirty else rows)
        database.commit()
    return sample


def _soil(row: dict[str, Any], share: float) -> dict[str, Any]:
    """Return a row of whose values some are cut off, so that they are no JSON, no moment, or hold U+0000."""
    chance = random.Random(str(row))
    return {
        name: f"{value[:9]}\0" if isinstance(value, str) and name not in KEYS and chance.random() < share else value
        for name, value in row.items()
    }


KEYS = ("session_id",)


def _insert(database: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows, None)
    if first is None:
        return
    insert = f"INSERT INTO {table} ({', '.join(first)}) VALUES ({', '.join(f':{name}' for name in first)})"
    database.execute(insert, first)
    database.executemany(insert, rows)


def _text(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(WORDS, k=words))


def _moment(draw: random.Random) -> str:
    return str(datetime(2026, 2, 1) + timedelta(microseconds=draw.randrange(10**13)))


def _session(draw: random.Random, number: int) -> dict[str, Any]:
    return {
        "session_id": f"{draw.getrandbits(128):032x}-{number}",
        "computer_name": "workshop",
        "title": _text(draw, 5),
        "tmux_session_name": f"tc_{number}",
        "adapter_metadata": json.dumps({"discord": {"channel_id": draw.getrandbits(60)}}),
        "created_at": _moment(draw),
        "last_activity": _moment(draw),
        "project_path": "/home/ada/projects/webshop",
        "last_message_sent": _text(draw, 40),
        "last_output_raw": _text(draw, 120),
        "last_output_at": _moment(draw),
        "last_output_summary": _text(draw, 30),
    }


def _observation(draw: random.Random) -> dict[str, Any]:
    moment = _moment(draw)
    return {
        "memory_session_id": f"{draw.getrandbits(128):032x}",
        "project": "webshop",
        "type": "discovery",
        "title": _text(draw, 6),
        "facts": json.dumps([_text(draw, 6), _text(draw, 6)]),
        "narrative": _text(draw, 40),
        "concepts": json.dumps([_text(draw, 1), _text(draw, 1)]),
        "created_at": moment,
        "created_at_epoch": int(datetime.fromisoformat(moment).timestamp()),
    }


def _hook(draw: random.Random) -> dict[str, Any]:
    moment = _moment(draw)
    tool = {"command": _text(draw, 20), "description": _text(draw, 8), "exit": draw.randrange(3)}
    return {
        "session_id": f"{draw.getrandbits(128):032x}",
        "event_type": "tool_done",
        "payload": json.dumps({"tool_name": "Bash", "tool_input": tool, "output": _text(draw, 120)}),
        "created_at": moment,
        "next_attempt_at": moment,
        "attempt_count": 1,
        "delivered_at": moment,
    }
