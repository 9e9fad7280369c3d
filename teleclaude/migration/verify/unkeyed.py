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

BUCKETS = 4096
LOOKED_INTO = 16
SUM = 2**256

Values = tuple[Any, ...]


@dataclass(frozen=True)
class Difference:
    """A row that one side lacks, and the row on the other side that is most like it, as far as there are such."""

    wanted: Values | None
    found: Values | None

    @property
    def place(self) -> int | None:
        """The one place in which they differ, None where it is not one."""
        places = _differing(self.wanted or (), self.found or ())
        return places[0] if len(places) == 1 else None


async def find_difference(
    wanted: Callable[[], AsyncIterator[Values]], found: Callable[[], AsyncIterator[Values]]
) -> Difference | int:
    """Return how the sides differ, or the number of values that are in both.

    Each side is read once, and once more where they differ.
    """
    sums, values = [0] * BUCKETS, 0
    async for row in wanted():
        _add(sums, row, 1)
    async for row in found():
        _add(sums, row, -1)
        values += len(row)
    differing = frozenset(islice((place for place, total in enumerate(sums) if total % SUM), LOOKED_INTO))
    return await _look_into(differing, wanted, found) if differing else values


async def _look_into(
    buckets: frozenset[int], wanted: Callable[[], AsyncIterator[Values]], found: Callable[[], AsyncIterator[Values]]
) -> Difference:
    # 1 equals 1.0 and True, their texts do not.
    rows: Counter[tuple[str, Values]] = Counter()
    async for row in wanted():
        if _bucket(_digest(row)) in buckets:
            rows[repr(row), row] += 1
    async for row in found():
        if _bucket(_digest(row)) in buckets:
            rows[repr(row), row] -= 1
    missing = [row for (_, row), count in rows.items() if count > 0][:LOOKED_INTO]
    extra = [row for (_, row), count in rows.items() if count < 0][:LOOKED_INTO]
    if not missing or not extra:
        return Difference(missing[0] if missing else None, extra[0] if extra else None)
    return Difference(*min(product(missing, extra), key=lambda pair: len(_differing(*pair))))


def _differing(wanted: Sequence[Any], found: Sequence[Any]) -> list[int]:
    pairs = zip(wanted, found, strict=False)
    return [place for place, (one, other) in enumerate(pairs) if repr(one) != repr(other)]


def _add(sums: list[int], row: Values, sign: int) -> None:
    digest = _digest(row)
    sums[_bucket(digest)] += sign * digest


def _digest(row: Values) -> int:
    return int.from_bytes(blake2b(repr(row).encode(), digest_size=32).digest())


def _bucket(digest: int) -> int:
    return digest % BUCKETS
