"""The ledger: every value that could not be stored as it was, with its original, one JSON object a line.

It may hold secrets, as the data may, so only its owner can read it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sqlite3
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from teleclaude.errors import SourceError
from teleclaude.migration.state.problems import LEDGER_CLOSED, LEDGER_DAMAGED, LEDGER_MISSING

_AT_ONCE = 1000
"""Lines that are indexed before anything else may happen."""


@dataclass(frozen=True)
class Entry:
    """One value: its place, the rule that changed it, what it was and what is stored."""

    table: str
    key: tuple[Any, ...]
    column: str
    rule: str
    original: Any
    stored: Any
    position: int | None = None
    """The number of the row in the order in which the old table is read, from 0 on."""


def name_row(key: tuple[Any, ...], row: Sequence[Any]) -> tuple[Any, ...]:
    """Return what names a row of the old database: its key, or the sha256 of its values as JSON where it has none."""
    return key or (sha256(json.dumps([*map(to_plain, row)]).encode()).hexdigest(),)


@dataclass
class Ledger:
    """The open ledger of a run."""

    file: IO[str] = field(repr=False)
    entries: int = 0

    def write(self, entry: Entry) -> None:
        """Add a line."""
        key, original, stored = [to_plain(part) for part in entry.key], to_plain(entry.original), to_plain(entry.stored)
        line = {**vars(entry), "key": key, "original": original, "stored": stored}
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
    """Finds the lines of a value in a ledger; few of them are in memory."""

    lines: IO[bytes] = field(repr=False)
    places: sqlite3.Connection
    entries: Mapping[str, int]
    """The number of lines of each table."""

    def find(self, table: str, key: Sequence[Any], column: str, original: Any) -> Iterator[Entry]:
        """Yield the lines of a value in their order; each is read when it is asked for."""
        # SQLAlchemy's names are of a type of their own.
        wanted = (str(table), *key, str(column), original)
        select = "SELECT place FROM lines WHERE hash = ? ORDER BY place"
        for (place,) in self.places.execute(select, (hash(wanted),)):
            self.lines.seek(place)
            entry = _read_entry(self.lines.readline())
            # Two values may have the same hash, as 1 and 1.0 do.
            if _is_exactly(_value_of(entry), wanted):
                yield entry


@asynccontextmanager
async def index_ledger(path: Path, private: Path) -> AsyncIterator[LedgerIndex]:
    """Read a ledger through and index it, in a file of the private folder that is removed at the end.

    The ledger stays the record: the index holds hashes, which mean something in this process alone, and places.
    Raises SourceError where there is no ledger, or it cannot be read.
    """
    try:
        lines = path.open("rb")
    except FileNotFoundError:
        raise SourceError(LEDGER_MISSING.fill(path=path)) from None
    except OSError as error:
        raise SourceError(LEDGER_CLOSED.fill(path=path, reason=error.strerror)) from None
    # Readable by its owner alone (Python manual, tempfile.NamedTemporaryFile).
    with (
        lines,
        tempfile.NamedTemporaryFile(prefix="ledger-", suffix=".sqlite", dir=private) as file,
        closing(sqlite3.connect(file.name)) as places,
    ):
        yield LedgerIndex(lines, places, await _fill(lines, places, path))


async def _fill(lines: IO[bytes], places: sqlite3.Connection, path: Path) -> Mapping[str, int]:
    """Index every line, and return the number of lines of each table; raises SourceError where one is damaged."""
    entries: Counter[str] = Counter()
    # Nobody else opens the file, and nobody opens it again.
    places.executescript(
        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
        "CREATE TABLE lines (hash INTEGER, place INTEGER)"
    )
    hashes = _hash_lines(lines, entries, path)
    for first in hashes:
        places.executemany("INSERT INTO lines VALUES (?, ?)", chain([first], islice(hashes, _AT_ONCE)))
        # An interrupt is heard between two lots.
        await asyncio.sleep(0)
    # Not unique: a value may have several lines, and another value the same hash.
    places.execute("CREATE INDEX by_hash ON lines (hash, place)")
    places.commit()
    return entries


def _hash_lines(lines: IO[bytes], entries: Counter[str], path: Path) -> Iterator[tuple[int, int]]:
    place = 0
    for number, line in enumerate(lines, 1):
        try:
            entry = _read_entry(line)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise SourceError(LEDGER_DAMAGED.fill(path=path, number=number)) from None
        entries[entry.table] += 1
        yield hash(_value_of(entry)), place
        place += len(line)


def _value_of(entry: Entry) -> tuple[Any, ...]:
    """Return what names a value: table, key, column, original."""
    return (entry.table, *entry.key, entry.column, entry.original)


def _is_exactly(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether values and types are the same: 1 is neither 1.0 nor true, and 0.0 is not -0.0."""
    kinds = [*map(type, one)]
    return one == other and kinds == [*map(type, other)] and (float not in kinds or repr(one) == repr(other))


def _read_entry(line: bytes) -> Entry:
    read = json.loads(line.decode())
    key = tuple([from_plain(part) for part in read["key"]])
    return Entry(**{**read, "key": key, "original": from_plain(read["original"]), "stored": from_plain(read["stored"])})
