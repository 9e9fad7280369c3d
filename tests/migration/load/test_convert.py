import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teleclaude.migration.load.convert import RULES, SILENT_RULES, Change, convert_column
from teleclaude.migration.values.column_types import STAND_INS, ColumnType, Context

UTC_CONTEXT = Context()
AMSTERDAM = Context(ZoneInfo("Europe/Amsterdam"), date(2026, 1, 18))


def convert(kind: ColumnType, value: Any, context: Context = UTC_CONTEXT) -> Any:
    """Return the value as it is stored, or the change that a rule makes of it."""
    (stored,), changes = convert_column([value], kind, nullable=True, default=None, context=context)
    return changes[0] if changes else stored


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-15 12:00:00.000001", datetime(2026, 3, 15, 12, 0, 0, 1, tzinfo=UTC)),
        ("2026-03-15 12:00:00", datetime(2026, 3, 15, 12, tzinfo=UTC)),
        ("2026-03-15T12:00:00+00:00", datetime(2026, 3, 15, 12, tzinfo=UTC)),
        ("2026-03-15T12:00:00.5Z", datetime(2026, 3, 15, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-15T12:00:00.123Z", datetime(2026, 3, 15, 12, 0, 0, 123_000, tzinfo=UTC)),
        ("2026-03-15T12:00:00+05:30", datetime(2026, 3, 15, 6, 30, tzinfo=UTC)),
        ("2026-03-15T12:00:00-0330", datetime(2026, 3, 15, 15, 30, tzinfo=UTC)),
        ("2026-03-15", datetime(2026, 3, 15, tzinfo=UTC)),
        ("2026-03-15T12:00:00.1234560", datetime(2026, 3, 15, 12, 0, 0, 123_456, tzinfo=UTC)),
    ],
)
def test_timestamps_of_every_writer_are_read(text: str, moment: datetime) -> None:
    assert convert(ColumnType.INSTANT, text) == moment


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_any_moment_with_an_offset_is_read_to_the_microsecond(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert convert(ColumnType.INSTANT, moment.isoformat()) == moment
    assert convert(ColumnType.INSTANT, moment.isoformat(), AMSTERDAM) == moment


def test_a_naive_time_with_a_t_is_local_in_the_columns_that_say_so() -> None:
    result = convert(ColumnType.INSTANT, "2026-01-05T12:00:00.5", AMSTERDAM)
    assert result == Change(datetime(2026, 1, 5, 11, 0, 0, 500_000, tzinfo=UTC), "local_time")


@pytest.mark.parametrize(
    ("text", "hour", "why"),
    [
        ("2025-11-02T01:30:00", 5, "shown twice: the first, in summer time"),
        ("2025-11-02T02:00:00", 7, "shown once, in winter time"),
        ("2025-03-09T02:30:00", 7, "left out: as in the winter time before"),
    ],
)
def test_a_local_time_is_read_with_the_offset_that_held_before_the_clock_was_changed(
    text: str, hour: int, why: str
) -> None:
    result = convert(ColumnType.INSTANT, text, Context(ZoneInfo("America/New_York")))
    assert (result.stored.hour, result.rule) == (hour, "local_time"), why


def test_a_naive_time_with_a_space_is_never_local() -> None:
    assert convert(ColumnType.INSTANT, "2026-01-05 12:00:00", AMSTERDAM) == datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_a_naive_time_with_a_t_is_utc_after_the_period() -> None:
    assert convert(ColumnType.INSTANT, "2026-01-18T12:00:00", AMSTERDAM) == datetime(2026, 1, 18, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-02-30 12:00:00", "2026-03-15T25:00:00", 1767323045, b"x", "0000-01-01"]
)
def test_what_is_no_timestamp_becomes_null(text: Any) -> None:
    assert convert(ColumnType.INSTANT, text) == Change(None, "not_a_timestamp")


def test_a_time_finer_than_microseconds_is_reported() -> None:
    result = convert(ColumnType.INSTANT, "2026-03-15 12:00:00.1234567")
    assert result == Change(datetime(2026, 3, 15, 12, 0, 0, 123_456, tzinfo=UTC), "beyond_microseconds")


@pytest.mark.parametrize(
    ("kind", "value", "stored", "rule"),
    [
        (ColumnType.TEXT, "a\x00b", "a\u2400b", "nul_in_text"),
        (ColumnType.TEXT, "a\udcffb", "a\ufffdb", "invalid_utf8"),
        (ColumnType.TEXT, b"caf\xc3\xa9", "café", "blob_in_text"),
        (ColumnType.TEXT, 42, "42", "number_in_text"),
        (ColumnType.INTEGER, " 42 ", 42, "number_as_text"),
        (ColumnType.INTEGER, "many", None, "not_an_integer"),
        (ColumnType.INTEGER, "99999999999999999999", None, "not_an_integer"),
        (ColumnType.INTEGER, 3.0, 3, "not_an_integer"),
        (ColumnType.INTEGER, 3.5, None, "not_an_integer"),
        (ColumnType.BOOLEAN, "Yes", True, "not_a_boolean"),
        (ColumnType.BOOLEAN, "off", False, "not_a_boolean"),
        (ColumnType.BOOLEAN, 7, True, "not_a_boolean"),
        (ColumnType.BOOLEAN, 0.0, False, "not_a_boolean"),
        (ColumnType.BOOLEAN, b"1", None, "not_a_boolean"),
        (ColumnType.BOOLEAN, "perhaps", None, "not_a_boolean"),
        (ColumnType.DOCUMENT, "not json", '"not json"', "not_json"),
        (ColumnType.DOCUMENT, "", '""', "not_json"),
        (ColumnType.DOCUMENT, b'{"job": "digest"}', '{"job": "digest"}', "json_in_blob"),
        (ColumnType.DOCUMENT, '"é"'.encode("utf-16"), '"é"', "json_in_blob"),
        (ColumnType.DOCUMENT, b"[NaN]", '["NaN"]', "constant_in_json"),
        (ColumnType.DOCUMENT, b"no json", '"no json"', "not_json"),
        (ColumnType.DOCUMENT, b"\xff", '"\ufffd"', "not_json"),
        (ColumnType.DOCUMENT, '{"a": NaN, "b": [-Infinity]}', '{"a": "NaN", "b": ["-Infinity"]}', "constant_in_json"),
        (ColumnType.DOCUMENT, '"NaN \\u0000"', '"NaN \\u2400"', "nul_in_json"),
        (
            ColumnType.DOCUMENT,
            '"\\ud83d x \\ud83d\\ude00 \\ude00"',
            '"\\ufffd x \\ud83d\\ude00 \\ufffd"',
            "surrogate_in_json",
        ),
        (ColumnType.DOCUMENT, '{"a": 1, "a": 2}', '{"a": 1, "a": 2}', "duplicate_key"),
        (ColumnType.REAL, "x", None, "not_real"),
        (ColumnType.BYTES, "é", b"\xc3\xa9", "not_bytes"),
    ],
)
def test_a_value_that_does_not_fit_is_stored_by_a_rule(kind: ColumnType, value: Any, stored: Any, rule: str) -> None:
    assert convert(kind, value) == Change(stored, rule)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ColumnType.TEXT, "naïve \u2028 \ufeff \x1b[0m e\u0301 \U0001f469"),
        (ColumnType.INTEGER, 2**63 - 1),
        (ColumnType.DOCUMENT, '{"id": 1178000000000000001, "big": 123456789012345678901234567890, "f": 1.10}'),
        (ColumnType.DOCUMENT, '"a backslash and the letters \\\\u0000"'),
        (ColumnType.DOCUMENT, '"\\u00fc\\ud83d\\udca1"'),
        (ColumnType.REAL, 1.5),
        (ColumnType.BYTES, b"\x00\xff"),
    ],
)
def test_a_value_that_fits_arrives_as_it_is(kind: ColumnType, value: Any) -> None:
    assert convert(kind, value) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_without_nul_arrives_as_it_is(text: str) -> None:
    expected = text if "\x00" not in text else Change(text.replace("\x00", "\u2400"), "nul_in_text")
    assert convert(ColumnType.TEXT, text) == expected


SCALARS = st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]))
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner)), st.booleans())
def test_json_in_a_blob_becomes_what_the_same_json_in_a_text_becomes(document: Any, ascii_only: bool) -> None:
    text = json.dumps(document, ensure_ascii=ascii_only)
    expected = convert(ColumnType.DOCUMENT, text)
    for encoding in ENCODINGS:
        found = convert(ColumnType.DOCUMENT, text.encode(encoding))
        assert found == (expected if isinstance(expected, Change) else Change(expected, "json_in_blob"))


SQLITE_VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()


@given(st.sampled_from(list(ColumnType)), st.lists(SQLITE_VALUES, max_size=5), st.booleans())
def test_every_value_comes_through_or_is_listed(kind: ColumnType, values: list[Any], nullable: bool) -> None:
    stored, changes = convert_column(values, kind, nullable=nullable, default=STAND_INS[kind], context=UTC_CONTEXT)
    changed = changes.keys()
    assert len(stored) == len(values)
    assert nullable or None not in stored
    assert all(change.rule in RULES for change in changes.values())
    for index, (before, after) in enumerate(zip(values, stored, strict=True)):
        if before is None and nullable:
            assert after is None
            assert index not in changed
        if index not in changed and kind in (ColumnType.TEXT, ColumnType.INTEGER, ColumnType.REAL, ColumnType.BYTES):
            assert after == before
        if index not in changed and kind is ColumnType.DOCUMENT and before is not None:
            assert json.loads(after) == json.loads(str(before))


HOSTILE_TEXT = (
    st.text(st.characters(codec=None, exclude_categories=[]))
    | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,12})?)?([+-][0-9:]{2,8}|Z)?")
    | st.lists(
        st.sampled_from(
            ["{", "}", "[", "]", ",", ":", '"', "\\u0000", "\\ud800", "\\", "NaN", "-Infinity", "1e999", '"a"', "0"]
        )
    ).map("".join)
    | st.integers(1, 10**6).map(lambda depth: "[" * min(depth, 50_000))
    | st.sampled_from(["9" * 5000, "9" * 19, "-0", "\u0663", " 1 ", "1" * 20 + ".5"])
)
HOSTILE_VALUES = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary() | HOSTILE_TEXT


@given(st.sampled_from(list(ColumnType)), HOSTILE_VALUES, st.sampled_from([UTC_CONTEXT, AMSTERDAM]), st.booleans())
def test_no_value_of_sqlite_raises(kind: ColumnType, value: Any, context: Context, nullable: bool) -> None:
    (stored,), _ = convert_column([value], kind, nullable=nullable, default=STAND_INS[kind], context=context)
    if isinstance(stored, str):
        stored.encode()
        assert "\x00" not in stored


def test_null_where_null_is_not_allowed_becomes_the_default() -> None:
    stored, changes = convert_column([None, "x"], ColumnType.TEXT, nullable=False, default="d", context=UTC_CONTEXT)
    assert stored == ["d", "x"]
    assert changes == {0: Change("d", "null_not_allowed")}


def test_only_rules_that_lose_nothing_are_silent() -> None:
    assert {"local_time"} == SILENT_RULES
