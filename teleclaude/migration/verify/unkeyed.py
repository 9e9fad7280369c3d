"""Whether two sides hold the same rows equally often, in memory that does not grow with their number.

Every row has a digest of 256 bit and belongs to a bucket. The sums of the digests in a bucket are equal on both sides
where its rows are; only the rows of a few buckets that differ are looked at one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice, product
from typing import Any

_BUCKETS = 4096
_LOOKED_INTO = 16
_SUM = 2**256

_Values = tuple[Any, ...]
_Side = Callable[[], AsyncIterator[_Values]]


@dataclass(frozen=True)
class Difference:
    """A row that PostgreSQL lacks, and the most similar row that it has too often; None where there is none."""

    wanted: _Values | None
    found: _Values | None

    @property
    def place(self) -> int | None:
        """The one place in which they differ, None where it is not one."""
        places = _differing(self.wanted or (), self.found or ())
        return places[0] if len(places) == 1 else None


async def find_difference(wanted: _Side, found: _Side) -> Difference | int:
    """Return how the sides differ, or the number of values that are in both.

    Each side is read once, and once more where they differ.
    """
    sums, values = [0] * _BUCKETS, 0
    for side, sign in ((wanted, 1), (found, -1)):
        async for row in side():
            digest = _digest(row)
            sums[digest % _BUCKETS] += sign * digest
            values += len(row)
    differing = frozenset(islice((place for place, total in enumerate(sums) if total % _SUM), _LOOKED_INTO))
    return await _look_into(differing, wanted, found) if differing else values // 2


async def _look_into(buckets: frozenset[int], wanted: _Side, found: _Side) -> Difference:
    # 1 equals 1.0 and True, their texts do not.
    rows: Counter[tuple[str, _Values]] = Counter()
    for side, sign in ((wanted, 1), (found, -1)):
        async for row in side():
            if _digest(row) % _BUCKETS in buckets:
                rows[repr(row), row] += sign
    missing = [row for (_, row), count in rows.items() if count > 0][:_LOOKED_INTO]
    extra = [row for (_, row), count in rows.items() if count < 0][:_LOOKED_INTO]
    if not missing or not extra:
        return Difference(missing[0] if missing else None, extra[0] if extra else None)
    return Difference(*min(product(missing, extra), key=lambda pair: len(_differing(*pair))))


def _differing(wanted: Sequence[Any], found: Sequence[Any]) -> list[int]:
    pairs = zip(wanted, found, strict=False)
    return [place for place, (one, other) in enumerate(pairs) if repr(one) != repr(other)]


def _digest(row: _Values) -> int:
    return int.from_bytes(blake2b(repr(row).encode(), digest_size=32).digest())
