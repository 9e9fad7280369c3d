"""Rows are read batch by batch; what is converted goes to the ledger and what cannot be held to the rejects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import create_engine

from teleclaude.migration.load.batches import Batch, Loaded, Source, read_batches
from teleclaude.migration.load.keys import KeyCheck
from teleclaude.migration.load.pgcopy import encode_integers, encode_texts, split_row
from teleclaude.migration.plan.tables import ColumnPlan, TablePlan
from teleclaude.migration.state.ledger import open_ledger
from teleclaude.migration.values.column_types import ColumnType, Context

COLUMNS = (
    ColumnPlan("id", '"id"', ColumnType.INTEGER, nullable=True, default=None),
    ColumnPlan("body", '"body"', ColumnType.TEXT, nullable=True, default=None),
)
LOCAL = ColumnPlan("at", '"body"', ColumnType.INSTANT, True, None, Context(ZoneInfo("Europe/Paris")))


def read(
    folder: Path,
    rows: Sequence[tuple[Any, ...]],
    columns: tuple[ColumnPlan, ...] = COLUMNS,
    batch_size: int = 100,
    key: tuple[str, ...] = ("id",),
) -> tuple[list[Batch], Loaded, list[dict[str, Any]]]:
    """Return the batches of a table of these rows, the sums of the load, and the ledger."""
    table = TablePlan("t", None, "t", columns, key, len(rows), (("owner", "Ada"),), unique_key=not key)
    loaded = Loaded()
    with create_engine("sqlite://").connect() as reader, open_ledger(folder / "ledger.jsonl") as ledger:
        reader.exec_driver_sql("CREATE TABLE t (id, body)")
        reader.exec_driver_sql("INSERT INTO t VALUES (?, ?)", list(rows))
        with closing(KeyCheck(reader, table)) as keys:
            batches = list(read_batches(Source(reader, ledger, batch_size), table, keys, loaded))
    lines = (folder / "ledger.jsonl").read_text().splitlines()
    return batches, loaded, [json.loads(line) for line in lines]


def test_a_row_is_sent_with_its_constants_and_keeps_its_position(tmp_path: Path) -> None:
    batches, _, lines = read(tmp_path, [(1, "a"), (2, "b"), (3, "c")], batch_size=2)
    assert [batch.positions for batch in batches] == [[0, 1], [2]]
    assert split_row(batches[1].sent[0]) == [*encode_integers((3,)), *encode_texts(("c", "Ada"))]
    assert lines == []


def test_a_converted_value_is_in_the_ledger_with_its_original(tmp_path: Path) -> None:
    _, _, lines = read(tmp_path, [(1, "a"), (2, "b\0")])
    assert lines == [
        {"table": "t", "key": [2], "column": "body", "rule": "nul_in_text", "original": "b\0", "stored": "b\u2400"}
        | {"position": 1}
    ]


def test_a_converted_value_of_a_table_without_a_key_is_named_by_the_digest_and_position_of_its_row(
    tmp_path: Path,
) -> None:
    _, _, lines = read(tmp_path, [(1, "a"), (1, "b\0"), (2, "b\0")], key=())
    digests = [sha256(f'[{number}, "b\\u0000"]'.encode()).hexdigest() for number in (1, 2)]
    assert [(line["key"], line["position"]) for line in lines] == [([digests[0]], 1), ([digests[1]], 2)]


def test_a_silent_rule_is_counted_and_not_in_the_ledger(tmp_path: Path) -> None:
    _, loaded, lines = read(tmp_path, [(1, "2026-01-05T12:00:00"), (2, "2026-01-05 12:00:00")], (COLUMNS[0], LOCAL))
    assert loaded.silent == {("at", "local_time"): 1}
    assert lines == []


def test_a_row_whose_key_cannot_be_held_is_among_the_rejects_and_not_sent(tmp_path: Path) -> None:
    (batch,), loaded, _ = read(tmp_path, [(1, "a"), (None, "b"), (1, "c"), ("1", "d")])
    assert batch.positions == [0]
    assert (len(batch.sent), len(batch.rejects)) == (1, 3)
    assert loaded.rejected == {
        "the key is NULL": 1,
        "the key is another row's as well": 1,
        "the key is another row's after conversion": 1,
    }
    part, position, _, row = split_row(batch.rejects[0])
    assert (part, position) == (encode_texts(("t",))[0], encode_integers((1,))[0])
    assert json.loads(row[4:]) == {"id": None, "body": "b"}
