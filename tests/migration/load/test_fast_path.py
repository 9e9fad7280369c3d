"""A column that is clean as a whole is what it would have been value by value, and is read by PostgreSQL as that."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import URL, text

from teleclaude.db.engine import disposing, make_engine
from teleclaude.migration.load.convert import convert_column
from teleclaude.migration.load.fast_path import clean_column
from teleclaude.migration.load.pgcopy import HEADER, TRAILER, encode_column, join_row, join_rows, split_row
from teleclaude.migration.values.column_types import ColumnType, Context

CONTEXTS = (Context(), Context(ZoneInfo("Europe/Amsterdam"), datetime(2026, 1, 18).date()))

DIGIT_STRINGS = st.from_regex(
    r"\A[0-9]{4}-[0-1][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,7})?(Z|[+-]0[0-9]:[0-9]{2})?\Z"
)
MOMENTS = st.builds(
    lambda moment, separator, offset: moment.isoformat(sep=separator) + offset,
    st.datetimes(),
    st.sampled_from(" T"),
    st.sampled_from(["", "Z", "+00:00", "-00:00", "+02:00"]),
) | st.sampled_from(["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+01:00", "9999-12-31 23:59:59"])
JSON_TEXTS = st.sampled_from(
    [
        "{}", " {}", "[1, 1.50, 1e400]", '{"a": 1, "a": 2}', '{"a": {"b": 1}, "b": [{"a": 1}]}', "[NaN]", "-Infinity",
        '"\\u0000"', '"\\ud83d"', '"\\ud83d\\ude00"', '"\\u00fc"', '"ü\\\\u0000"', "[" * 3000, "", "nul",
        '"\x00"', "{} {}", '"\udcff"', "9" * 5000, "\ufeff{}",
    ]
)  # fmt: skip
VALUES = (
    st.none()
    | st.integers(-(2**63), 2**63 - 1)
    | st.sampled_from([0, 1])
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(["a\udcff", "a\x00", "2026-01-01\n2026-01-01", "2026-01-01 24:00:00", "0000-01-01 00:00:00"])
    | st.binary(max_size=10)
    | MOMENTS
    | DIGIT_STRINGS
    | JSON_TEXTS
)
COLUMNS = st.one_of(*(st.lists(values | st.none(), min_size=1, max_size=4) for values in (
    MOMENTS, DIGIT_STRINGS, JSON_TEXTS, st.text(max_size=20), st.sampled_from([0, 1]), VALUES
)))  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(list(ColumnType)), COLUMNS, st.booleans(), st.sampled_from(CONTEXTS))
def test_a_clean_column_is_what_its_values_are_one_by_one(
    kind: ColumnType, values: list[Any], nullable: bool, context: Context
) -> None:
    try:
        clean = clean_column(values, kind, nullable=nullable, context=context)
    except ValueError:
        return
    stored, changes = convert_column(values, kind, nullable=nullable, default=None, context=context)
    assert (list(clean), changes) == (stored, {})


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (ColumnType.TEXT, ["ü 🚀", "", None]),
        (ColumnType.INTEGER, [-(2**63), None]),
        (ColumnType.BOOLEAN, [0, 1, None]),
        (ColumnType.INSTANT, ["2026-01-01 10:00:00", "2026-01-01T10:00:00.000001Z", "2026-01-01 10:00:00+00:00", None]),
        (ColumnType.DOCUMENT, ['{"a": [1.50, {"a": "ü"}]}', "[]", None]),
        (ColumnType.REAL, [1.5, None]),
        (ColumnType.BYTES, [b"\x00", None]),
    ],
)
def test_what_the_old_program_wrote_needs_no_closer_look(kind: ColumnType, values: list[Any]) -> None:
    assert clean_column(values, kind, nullable=True, context=CONTEXTS[0])


STORED = {
    ColumnType.TEXT: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    ColumnType.INTEGER: st.integers(-(2**63), 2**63 - 1),
    ColumnType.BOOLEAN: st.booleans(),
    ColumnType.INSTANT: st.datetimes(timezones=st.just(ZoneInfo("UTC"))),
    ColumnType.REAL: st.floats(allow_nan=False),
    ColumnType.BYTES: st.binary(),
}
ROWS = st.lists(st.tuples(*(st.none() | values for values in STORED.values())), min_size=1, max_size=20)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
async def test_postgresql_reads_every_encoded_value_as_what_it_was(target: URL, rows: list[tuple[Any, ...]]) -> None:
    columns = [encode_column(values, kind) for values, kind in zip([*zip(*rows, strict=True)], STORED, strict=True)]
    names = ", ".join(f"c{place} {kind}" for place, kind in enumerate(STORED))
    async with disposing(make_engine(target)) as engine, engine.connect() as connection:
        await connection.execute(text(f"CREATE TEMPORARY TABLE t ({names})"))
        driver: Any = (await connection.get_raw_connection()).driver_connection
        data = b"".join((HEADER, *join_rows(columns, ()), TRAILER))

        async def source() -> Any:
            yield data

        await driver.copy_to_table("t", source=source(), format="binary")
        found = [tuple(row) for row in (await connection.execute(text("SELECT * FROM t"))).all()]
    assert found == rows


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_a_row_can_be_taken_apart_and_put_together_again(values: list[str | None]) -> None:
    fields = encode_column(values, ColumnType.TEXT)
    (row,) = join_rows([[field] for field in fields], ())
    assert split_row(row) == fields
    assert join_row(fields) == row
