"""PostgreSQL may hold what a value means or what its ledger line says, and nothing else."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from teleclaude.migration.plan.tables import ColumnPlan, TablePlan
from teleclaude.migration.state.ledger import Entry, index_ledger, name_row, open_ledger
from teleclaude.migration.values.column_types import ColumnType
from teleclaude.migration.verify.decode import UndecodableError
from teleclaude.migration.verify.ledger_check import LedgerCheck

NUMBER = ColumnPlan("number", "number", ColumnType.INTEGER, nullable=False, default=None)


def table(kind: ColumnType) -> TablePlan:
    body = ColumnPlan("body", "body", kind, nullable=True, default=None)
    return TablePlan("notes", None, "notes", (NUMBER, body), ("number",), 1)


@pytest.mark.parametrize(
    ("raw", "stored", "same_thing"),
    [("null", "null", True), (None, None, True), ("null", None, False), (None, "null", False)],
)
async def test_null_in_json_is_not_null(tmp_path: Path, raw: str | None, stored: str | None, same_thing: bool) -> None:
    async with index_ledger(Path(os.devnull), tmp_path) as nothing:
        assert (
            await LedgerCheck(table(ColumnType.DOCUMENT), nothing).allows((1, raw), 1, stored, never_asked)
            is same_thing
        )


async def never_asked(_one: str, _other: str) -> bool:
    raise AssertionError


@pytest.mark.parametrize(
    ("row", "found", "allowed"),
    [
        ((1, "clean"), "clean", True),
        ((1, "clean"), "other", False),
        ((1, "a\x00"), "a\u2400", True),
        ((1, "a\x00"), "a", False),
        ((2, "a\x00"), "a\u2400", False),
        ((1, "b\x00"), "a\u2400", False),
        ((1, 1), "a\u2400", False),
    ],
)
async def test_a_ledger_line_allows_its_own_value_in_its_own_row(
    tmp_path: Path, row: Sequence[Any], found: str, allowed: bool
) -> None:
    with open_ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.write(Entry("notes", (1,), "body", "nul", "a\x00", "a\u2400"))
    async with index_ledger(tmp_path / "ledger.jsonl", tmp_path) as index:
        assert await LedgerCheck(table(ColumnType.TEXT), index).allows(row, 1, found, never_asked) is allowed


async def test_a_line_of_a_table_without_a_key_allows_its_own_row_alone(tmp_path: Path) -> None:
    row = (1, "a\x00")
    unkeyed = replace(table(ColumnType.TEXT), key=())
    with open_ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.write(Entry("notes", name_row((), row), "body", "nul", "a\x00", "a\u2400", 7))
    async with index_ledger(tmp_path / "ledger.jsonl", tmp_path) as index:
        check = LedgerCheck(unkeyed, index)
        assert check.stored_value(row, 1) == "a\u2400"
        with pytest.raises(UndecodableError):
            check.stored_value((2, "a\x00"), 1)


async def test_what_postgresql_must_hold_is_what_a_value_means_else_what_its_line_says(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.write(Entry("notes", (1,), "body", "nul", "a\x00", "a\u2400"))
    async with index_ledger(tmp_path / "ledger.jsonl", tmp_path) as index:
        check = LedgerCheck(table(ColumnType.TEXT), index)
        assert check.stored_value((1, "clean"), 1) == "clean"
        assert check.stored_value((1, "a\x00"), 1) == "a\u2400"
        with pytest.raises(UndecodableError):
            check.stored_value((2, "a\x00"), 1)
