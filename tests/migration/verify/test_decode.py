"""The verification reads a value as PostgreSQL and the converter do, with code of its own."""

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL

from teleclaude.db.engine import disposing, make_engine
from teleclaude.migration.load.convert import convert_column
from teleclaude.migration.load.json_text import replace_in_json
from teleclaude.migration.plan.tables import ColumnPlan
from teleclaude.migration.values.column_types import ColumnType, Context
from teleclaude.migration.verify.decode import UndecodableError, decode, decode_json, same

JSON_TEXTS = (
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
        max_leaves=12,
    ).map(json.dumps)
    | st.text()
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts=st.lists(JSON_TEXTS, min_size=1, max_size=40))
async def test_postgresql_takes_every_json_text_and_gives_the_same_back(target: URL, texts: list[str]) -> None:
    fixed = [replace_in_json(text) for text in texts]
    rows = await _round_trip(target, [text for text, _ in fixed])
    for before, (after, rule), found in zip(texts, fixed, rows, strict=True):
        if rule is None:
            assert after == before
            assert same(decode_json(before), decode_json(found))
        elif rule != "duplicate_key":
            assert same(decode_json(after), decode_json(found))
            with pytest.raises(UndecodableError):
                decode_json(before)


async def _round_trip(url: URL, texts: list[str]) -> list[str]:
    async with disposing(make_engine(url)) as engine, engine.connect() as connection:
        result = await connection.exec_driver_sql(
            "SELECT x::jsonb::text FROM unnest(CAST($1 AS text[])) WITH ORDINALITY AS t(x, n) ORDER BY n", (texts,)
        )
        return [row[0] for row in result]


def test_true_is_not_one_and_a_half_is_a_half() -> None:
    assert not same(decode_json("true"), decode_json("1"))
    assert same(decode_json("[1.0, 5e-1]"), decode_json("[1, 0.5]"))
    assert decode_json("12345678901234567890.1") == Decimal("12345678901234567890.1")


INSTANT_COLUMN = ColumnPlan("c", "c", ColumnType.INSTANT, nullable=True, default=None)


MOMENTS = st.builds(
    lambda naive, separator, offset: naive.isoformat(sep=separator) + offset,
    st.datetimes(),
    st.sampled_from([" ", "T"]),
    st.sampled_from(["", "Z", "z", " Z", "+00:00", " +02:00", "-0730", "+02:0000", "+02:00:00"]),
)


def replace_part(text: str, begin: int, end: int, other: str) -> str:
    return text[:begin] + other + text[end:]


ODD_MOMENTS = st.builds(
    replace_part, MOMENTS, st.integers(0, 30), st.integers(0, 30), st.text(" -:.,+0123456789TWZz\0", max_size=3)
) | st.sampled_from(["20260203T040506Z", "2026-W06-2", "2026-02-03T04", "2026-02-03", "9999-12-31 23:59:59-05:00"])


@settings(max_examples=500)
@given(MOMENTS | ODD_MOMENTS)
def test_converter_and_verification_agree_on_every_moment(text: str) -> None:
    (converted,), changes = convert_column([text], ColumnType.INSTANT, nullable=True, default=None, context=Context())
    if changes:
        assert changes[0].converted.rule in {"not_a_timestamp", "beyond_microseconds"}
        with pytest.raises(UndecodableError):
            decode(INSTANT_COLUMN, text)
    else:
        assert decode(INSTANT_COLUMN, text) == converted
