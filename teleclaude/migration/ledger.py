"""The ledger: every value that could not be carried as it was, with its original, one JSON object a line.

It may hold secrets, as the data may, so nobody but its owner can read it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Entry:
    """One value: where it stood, the rule that changed it, what it was and what is stored."""

    table: str
    key: tuple[Any, ...]
    column: str
    rule: str
    original: Any
    stored: Any


@dataclass
class Ledger:
    """The open ledger of a run."""

    file: IO[str] = field(repr=False)
    entries: int = 0

    def write(self, entry: Entry) -> None:
        """Add a line."""
        line = {
            "table": entry.table,
            "key": [to_plain(part) for part in entry.key],
            "column": entry.column,
            "rule": entry.rule,
            "original": to_plain(entry.original),
            "stored": to_plain(entry.stored),
        }
        self.file.write(json.dumps(line) + "\n")
        self.entries += 1

    def sync(self) -> None:
        """Wait until every line is on disk."""
        self.file.flush()
        os.fsync(self.file.fileno())


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """Make the ledger, readable by its owner alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        yield Ledger(file)


def to_plain(value: Any) -> Any:
    """Return a value as JSON keeps it without loss; what JSON does not know becomes an object that names its type."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, float):
        return {"float": repr(value)}
    return value


def from_plain(value: Any) -> Any:
    """Return what `to_plain` was given."""
    if not isinstance(value, dict):
        return value
    (kind, written), *_ = value.items()
    if kind == "base64":
        return base64.b64decode(written)
    return datetime.fromisoformat(written) if kind == "instant" else float(written)


@dataclass(frozen=True)
class LedgerIndex:
    """Where the lines of each table stand in a ledger, so that it is read through but once."""

    path: Path
    spans: Mapping[str, Sequence[tuple[int, int]]]
    """The first byte of each run of lines of a table, and the one after its last."""

    def read(self, table: str) -> Iterator[Entry]:
        """Yield the entries of a table."""
        with self.path.open("rb") as file:
            for begin, end in self.spans.get(table, ()):
                file.seek(begin)
                while file.tell() < end:
                    yield _read_entry(file.readline())


def index_ledger(path: Path) -> LedgerIndex:
    """Read a ledger through and return where everything is."""
    spans: dict[str, list[tuple[int, int]]] = {}
    place = 0
    with path.open("rb") as file:
        for line in file:
            runs = spans.setdefault(json.loads(line)["table"], [])
            begin = runs.pop()[0] if runs and runs[-1][1] == place else place
            place += len(line)
            runs.append((begin, place))
    return LedgerIndex(path, spans)


def _read_entry(line: bytes) -> Entry:
    read = json.loads(line)
    key = tuple(from_plain(part) for part in read["key"])
    return Entry(
        read["table"], key, read["column"], read["rule"], from_plain(read["original"]), from_plain(read["stored"])
    )
