"""Whole columns are compared as exactly as single values."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teleclaude.migration.plan.tables import ColumnPlan
from teleclaude.migration.values.column_types import ColumnType, Context
from teleclaude.migration.verify.decode import UndecodableError, decode, decode_json, same
from teleclaude.migration.verify.fast_path import find_doubtful

Values = st.SearchStrategy[Any]

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text("a1\x00\ud800é", max_size=3)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner), max_leaves=5
).map(json.dumps)
ODD_DOCUMENTS = st.sampled_from(
    ["1.0", "1", "10e-1", "-0", "0", '"1"', '"\\u00001"', "true", '{"a": 1, "a": 2}', '{"a": 2}', "NaN", "[1", " 1", ""]
)


def jsonb_can_hold(text: str) -> bool:
    try:
        decode_json(text)
    except UndecodableError:
        return False
    return True


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 2))
OFFSETS = st.sampled_from(["", "Z", "z", "+00:00", "+01:00", " Z", "0", "9", "00"])
WRITTEN = st.builds(lambda moment, by, offset: moment.isoformat(by) + offset, MOMENTS, st.sampled_from(" T"), OFFSETS)
ODD_MOMENTS = st.sampled_from(["2026-01-01", "20260101T000000", "20260101T000000.1234567", "2026-W01-4", "", "now"])
SMALL = st.integers(-1, 2)

SIDES: dict[ColumnType, tuple[Values, Values]] = {
    ColumnType.TEXT: (st.text("ab\x00\ud800", max_size=2) | SMALL | st.binary(max_size=1), st.text("ab", max_size=2)),
    ColumnType.INTEGER: (SMALL | st.floats(-1, 2) | st.sampled_from(["1", True]), SMALL),
    ColumnType.BOOLEAN: (SMALL | st.sampled_from([1.0, "1"]), st.booleans()),
    ColumnType.REAL: (st.floats(-1, 1) | SMALL, st.floats(-1, 1) | st.just(1.0)),
    ColumnType.BYTES: (st.binary(max_size=1) | st.text("a", max_size=1), st.binary(max_size=1)),
    ColumnType.INSTANT: (WRITTEN | ODD_MOMENTS, MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))),
    ColumnType.DOCUMENT: (
        DOCUMENTS | ODD_DOCUMENTS | SMALL,
        (DOCUMENTS | ODD_DOCUMENTS).filter(jsonb_can_hold),
    ),
}


def column(kind: ColumnType, *, nullable: bool = True, context: Context | None = None) -> ColumnPlan:
    return ColumnPlan("c", "c", kind, nullable=nullable, default=None, context=context or Context())


def means_the_same(plan: ColumnPlan, raw: Any, stored: Any) -> bool:
    if (raw is None) != (stored is None):
        return False
    try:
        if plan.type is ColumnType.DOCUMENT and stored is not None:
            stored = decode_json(stored, keep_last=True)
        return same(decode(plan, raw), stored)
    except UndecodableError:
        return False


@settings(max_examples=60, deadline=None)
@given(data=st.data(), nullable=st.booleans(), local=st.booleans())
@pytest.mark.parametrize("kind", list(ColumnType))
def test_what_is_evident_for_a_column_is_true_of_each_value(
    kind: ColumnType, data: st.DataObject, nullable: bool, local: bool
) -> None:
    zone = ZoneInfo("Europe/Berlin") if local else None
    plan = column(kind, nullable=nullable, context=Context(zone))
    old, new = SIDES[kind]
    # The same value on both sides now and then, so that there is something to find.
    both = st.tuples(st.none() | old, st.none() | new) | new.map(lambda value: (value, value))
    pairs = data.draw(st.lists(both, min_size=1, max_size=8))
    doubtful = find_doubtful(plan, *zip(*pairs, strict=True))
    for place, (raw, stored) in enumerate(pairs):
        assert place in doubtful or means_the_same(plan, raw, stored), (raw, stored)


AT = datetime(2026, 3, 4, 5, 6, 7, 89, UTC)
CLEAN: list[tuple[ColumnType, Any, Any]] = [
    (ColumnType.TEXT, "naïve", "naïve"),
    (ColumnType.INTEGER, 2**62, 2**62),
    (ColumnType.BOOLEAN, 1, True),
    (ColumnType.REAL, 0.1, 0.1),
    (ColumnType.BYTES, b"\xff", b"\xff"),
    (ColumnType.INSTANT, "2026-03-04 05:06:07.000089", AT),
    (ColumnType.INSTANT, "2026-03-04T05:06:07.000089Z", AT),
    (ColumnType.INSTANT, "2026-03-04T06:06:07.000089+01:00", AT.astimezone(timezone(timedelta(hours=1)))),
    (ColumnType.DOCUMENT, '{"long": [1.50, "\\u00e9"], "b": true}', '{"b": true, "long": [1.50, "é"]}'),
]


@pytest.mark.parametrize(("kind", "raw", "stored"), CLEAN)
def test_only_the_value_that_differs_is_in_doubt(kind: ColumnType, raw: Any, stored: Any) -> None:
    plan = column(kind)
    assert find_doubtful(plan, [raw, None] * 50, [stored, None] * 50) == []
    assert find_doubtful(plan, [raw] * 40 + [object()] + [raw] * 59, [stored] * 100) == [40]
    assert find_doubtful(plan, [raw] * 100, [stored] * 70 + [None] + [stored] * 29) == [70]
