"""Repeatable values of the kinds that real files hold."""

from __future__ import annotations

import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

_NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)


class RowMaker:
    """Makes rows from a seed; the same seed gives the same rows."""

    def __init__(self, seed: int, sessions: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - repeatable sample data, no secret
        self.session_ids = [self.uuid() for _ in range(sessions)]

    def uuid(self) -> str:
        """Return a uuid4 as text."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def moment(self) -> datetime:
        """Return a moment of the last months, now and then on a full second."""
        past = _NOW - timedelta(seconds=self.random.randrange(10_000_000))
        return past.replace(microsecond=self.random.choice((0, self.random.randrange(1_000_000))))

    def naive(self) -> str:
        """Return a moment as the old program writes it to sessions: naive UTC with a space."""
        return self.moment().strftime("%Y-%m-%d %H:%M:%S.%f")

    def iso(self) -> str:
        """Return a moment as the old program writes it elsewhere: ISO with an offset."""
        return self.moment().isoformat()

    def session(self) -> str:
        """Return the id of some session."""
        return self.random.choice(self.session_ids)

    def maybe(self, value: Any) -> Any:
        """Return `value`, or NULL half of the time."""
        return value if self.random.random() < 0.5 else None

    def text(self, words: int) -> str:
        """Return some words in several scripts."""
        known = ("build", "test", "naïve", "straße", "миграция", "データ", "🚀", "path/to/file.py", "O'Brien", "100%")
        return " ".join(self.random.choice(known) for _ in range(words))

    def payload(self) -> str:
        """Return JSON as Python writes it, sometimes with what jsonb refuses."""
        body: dict[str, Any] = {
            "session_id": self.session(),
            "n": self.random.randrange(2**62),
            "nested": {"list": [1, 2.5, None, True], "text": self.text(4)},
        }
        body.update(self.random.choice(({}, {}, {}, {"nul": "a\x00b"}, {"ratio": float("nan")}, {"half": "\ud83d"})))
        return json.dumps(body)
