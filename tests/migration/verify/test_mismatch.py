"""A difference is named as exactly as it can be without telling a secret."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from teleclaude.migration.plan.tables import ColumnPlan, TablePlan
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.verify.mismatch import Words, to_sql, value_differs


def table(name: str, *columns: str) -> TablePlan:
    plans = tuple(ColumnPlan(column, f'"{column}"', ColumnType.TEXT, True, None) for column in columns)
    return TablePlan(name, None, name, plans, columns[:1], 1)


SETTINGS = table("system_settings", "key", "value")
NOTES, TOKENS = table("notes", "id", "body", "api_key"), table("session_tokens", "token", "note")
SECRET = "ghp_0123456789abcdefghij"
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()[:8]


@pytest.mark.parametrize(
    ("plan", "key", "column", "wanted", "found", "said"),
    [
        (SETTINGS, ("key",), "value", "hunter2", None, "row ('key'), value: the source holds <length 7, sha256 "),
        (
            NOTES,
            (3,),
            "body",
            "2026-01-02T03:04:05Z",
            None,
            "the source holds '2026-01-02T03:04:05Z', PostgreSQL holds NULL",
        ),
        (NOTES, (3,), "body", "one", None, "row (3), body: the source holds 'one', PostgreSQL holds NULL"),
        (NOTES, (3,), "body", SECRET, "", f"holds <length 24, sha256 {DIGEST}>, PostgreSQL holds ''"),
        (NOTES, (3,), "api_key", "1234", "123", "holds <length 4>, PostgreSQL holds <length 3>"),
        (NOTES, (SECRET,), "body", "one", "two", f"notes, row (<length 24, sha256 {DIGEST}>), body"),
        (
            NOTES,
            None,
            "",
            (3, "one", "1234"),
            Words("none"),
            "holds (3, 'one', <length 4>), PostgreSQL holds none",
        ),
        (TOKENS, ("abc",), "note", "one", "two", "row (<length 3>), note: the source holds <length 3>, PostgreSQL"),
        (
            NOTES,
            None,
            "body",
            b"\xff",
            "x",
            "holds <length 1, sha256 a8100ae6>, PostgreSQL holds <length 1, sha256 2d711642>",
        ),
    ],
)
def test_what_is_said_of_a_difference(
    plan: TablePlan, key: Any, column: str, wanted: Any, found: Any, said: str
) -> None:
    assert said in value_differs(plan, key, column, wanted, found).problem.message


def test_a_wide_row_is_cut() -> None:
    message = value_differs(NOTES, None, "", tuple(range(2000)), Words("no such row")).problem.message
    assert len(message) < 250


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "NULL"),
        (True, "true"),
        (12, "12"),
        (1.5, "1.5"),
        ("it's", "'it''s'"),
        ("straße", "'straße'"),
        (b"\x00\xff", "'\\x00ff'"),
        ("a\nb\\", "E'a\\u000ab\\\\'"),
        ("e\u0301", "E'e\\u0301'"),
        ("\udc80", "E'\\udc80'"),
        (datetime(2026, 3, 15, 12, 0, tzinfo=UTC), "'2026-03-15 12:00:00+00'"),
        (datetime(2026, 3, 15, 12, 0, 0, 120, tzinfo=timezone(timedelta(hours=2))), "'2026-03-15 10:00:00.00012+00'"),
    ],
)
def test_a_value_is_shown_as_sql_writes_it(value: Any, written: str) -> None:
    assert to_sql(value) == written
