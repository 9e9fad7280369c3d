"""Makes the rows that `rows.yaml` describes: varied, and repeatable from a seed."""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import yaml

_Row = dict[str, Any]

_NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
_WORDS = ("build", "test", "naïve", "straße", "миграция", "データ", "🚀", "path/to/file.py", "O'Brien", "100%")


def make_rows(seed: int, sessions: int) -> dict[str, list[_Row]]:
    """Return the rows of every table, some hundreds for a hundred sessions; the same seed gives the same rows."""
    maker = _RowMaker(seed, sessions)
    text = files("teleclaude.demo").joinpath("rows.yaml").read_text(encoding="utf-8")
    for table, written in yaml.load(text, _Loader).items():  # noqa: S506 - a safe loader, with tags of our own
        maker.made[table] = list(maker.rows(written))
    return maker.made


@dataclass(frozen=True)
class _Tag:
    """A tag and the values behind it."""

    name: str
    parts: list[Any]


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which keeps our tags as they are written."""


def _read_tag(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> _Tag:
    if isinstance(node, yaml.SequenceNode):
        return _Tag(name, loader.construct_sequence(node, deep=True))
    return _Tag(name, [node.value])


_Loader.add_multi_constructor("!", _read_tag)


class _RowMaker:
    """Makes values of the kinds that real files hold; its public methods are the tags of `rows.yaml`."""

    def __init__(self, seed: int, sessions: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable sample data, no secret
        self._session_ids = [self.uuid() for _ in range(sessions)]
        self.made: dict[str, list[_Row]] = {}
        few, some = max(sessions // 10, 2), max(sessions // 3, 4)
        self._items: dict[str, Sequence[Any]] = {
            "once": range(1),
            "few": range(few),
            "some": range(some),
            "sessions": self._session_ids,
            "few sessions": self._session_ids[:few],
            "some sessions": self._session_ids[:some],
            "agents": ("claude", "codex", "gemini"),
        }

    def rows(self, written: dict[str, Any]) -> Iterator[_Row]:
        """Yield the rows of a table, from its part of the file."""
        for item in self._items.get(written["each"]) or self.made[written["each"]]:
            known = {"item": item, "made": self.made}
            for name, value in written.get("let", {}).items():
                known[name] = self._value(value, known)
            for row in written["rows"]:
                yield {column: self._value(value, known) for column, value in row.items()}

    def _value(self, written: Any, known: dict[str, Any]) -> Any:
        if not isinstance(written, _Tag):
            return written
        if written.name == "match":
            text, pattern, found, otherwise = written.parts
            return self._value(found if re.search(pattern, text.format(**known)) else otherwise, known)
        parts = [self._value(part, known) for part in written.parts]
        if written.name == "fill":
            return parts[0].format(*parts[1:], **known)
        return getattr(self, written.name)(*parts)

    def make(self, name: str) -> Any:
        """Return a value of a kind that has only a name."""
        return getattr(self, name)()

    def pick(self, *values: Any) -> Any:
        """Return one of the values."""
        return self._random.choice(values)

    def maybe(self, value: Any) -> Any:
        """Return `value`, or NULL half of the time."""
        return value if self._random.random() < 0.5 else None

    def number(self, least: int, end: int) -> int:
        """Return a whole number from `least` on, below `end`."""
        return self._random.randrange(least, end)

    def row(self, table: str) -> _Row:
        """Return some row of an earlier table."""
        return self._random.choice(self.made[table])

    def uuid(self) -> str:
        """Return a uuid4 as text."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def moment(self) -> datetime:
        """Return a moment of the last months, now and then on a full second."""
        past = _NOW - timedelta(seconds=self.number(0, 10_000_000))
        return past.replace(microsecond=self.pick(0, self.number(0, 1_000_000)))

    def naive(self) -> str:
        """Return a moment as the old program writes it to sessions: naive UTC with a space."""
        return self.moment().strftime("%Y-%m-%d %H:%M:%S.%f")

    def iso(self) -> str:
        """Return a moment as the old program writes it elsewhere: ISO with an offset."""
        return self.moment().isoformat()

    def epoch(self) -> int:
        """Return a moment in seconds since 1970."""
        return int(self.moment().timestamp())

    def session(self) -> str:
        """Return the id of some session."""
        return self._random.choice(self._session_ids)

    def pair(self) -> list[str]:
        """Return the ids of two sessions."""
        return self._random.sample(self._session_ids, 2)

    def text(self, words: int | str) -> str:
        """Return some words in several scripts."""
        return " ".join(self.pick(*_WORDS) for _ in range(int(words)))

    def json(self, *items: Any) -> str:
        """Return a list as JSON."""
        return json.dumps(items)

    def payload(self) -> str:
        """Return JSON as Python writes it, sometimes with what jsonb refuses."""
        body: dict[str, Any] = {
            "session_id": self.session(),
            "n": self.number(0, 2**62),
            "nested": {"list": [1, 2.5, None, True], "text": self.text(4)},
        }
        body.update(self.pick({}, {}, {}, {"nul": "a\x00b"}, {"ratio": float("nan")}, {"half": "\ud83d"}))
        return json.dumps(body)
