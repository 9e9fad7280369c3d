"""One way to fill the target, in a process of its own, so that its time and memory are its own.

Prints, as JSON, the seconds of the transfer and of its parts.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.models import Model
from teleclaude.migration.discover import discover
from teleclaude.migration.load.constraints import add_constraints
from teleclaude.migration.load.convert import convert_column
from teleclaude.migration.plan.plan import Plan, make_plan
from teleclaude.migration.report.events import ConstraintResult, Forecast, Progress, TableResult
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.reader import reading
from teleclaude.migration.steps import transfer
from teleclaude.migration.values.column_types import ColumnType

Parts = dict[str, float]


async def load(plan: Plan) -> Parts:
    """Load, with keys, indexes and constraints, without search and without verification."""

    async def believe(_target: Any, _source: Any, check: Any, *_more: Any) -> AsyncIterator[TableResult]:
        table = check.table
        yield TableResult(table.label, table.rows, table.rows, 0, 0, 0, seconds=0.0)

    vars(transfer)["verify_table"] = believe
    return await load_and_prove(plan)


def _without_search(create: Any, connection: Connection, not_valid: frozenset[str], left_out: frozenset[str]) -> None:
    create(connection, not_valid, left_out | frozenset(schema.INDEXES))


async def load_and_prove(plan: Plan) -> Parts:
    """Load and prove, without search."""
    vars(schema)["create_post_data"] = partial(_without_search, schema.create_post_data)
    return await transfer_all(plan)


async def transfer_all(plan: Plan) -> Parts:
    """Do the whole transfer."""
    parts: Parts = {}
    begun = time.monotonic()
    async for event in transfer.transfer(plan):
        now = time.monotonic()
        name = name_part(event)
        parts[name] = parts.get(name, 0.0) + now - begun
        begun = now
    parts["the rest"] = parts.get("the rest", 0.0) + time.monotonic() - begun
    return parts


def name_part(event: object) -> str:
    """Return the part of the transfer that ends with an event."""
    match event:
        case Progress(size=size) if size:
            return "rows"
        case Progress(done=done) if done:
            return "verification"
        case TableResult():
            return "verification"
        case ConstraintResult():
            return "keys and indexes"
        case Forecast():
            return "forecast"
        case _:
            return "the rest"


async def insert_rows(plan: Plan) -> Parts:
    """Insert by SQLAlchemy and asyncpg, a thousand rows at a time, and add keys and indexes."""
    assert plan.url is not None
    begun = time.monotonic()
    with reading(plan.databases) as sources:
        async with disposing(make_engine(plan.url)) as engine, engine.begin() as target:
            await target.run_sync(schema.create_pre_data)
            for table in plan.tables:
                model = Model.metadata.tables.get(table.label)
                if model is None:
                    continue
                result = sources.of(table.from_events).exec_driver_sql(table.select)
                while batch := result.fetchmany(1000):
                    columns = [
                        _convert(column, values)
                        for column, values in zip(table.columns, zip(*batch, strict=True), strict=True)
                    ]
                    names = [column.name for column in table.columns]
                    rows = [
                        dict(zip(names, row, strict=True), **dict(table.constants))
                        for row in zip(*columns, strict=True)
                    ]
                    await target.execute(insert(model), rows)
            await add_constraints(target)
    return {"rows": time.monotonic() - begun}


def _convert(column: Any, values: Any) -> list[Any]:
    stored, _ = convert_column(
        values, column.type, nullable=column.nullable, default=column.default, context=column.context
    )
    if column.type is ColumnType.DOCUMENT:
        return [None if value is None else json.loads(value) for value in stored]
    return stored


WAYS: dict[str, Callable[[Plan], Any]] = {
    way.__name__: way for way in (load, load_and_prove, transfer_all, insert_rows)
}


async def run(way: str, folder: Path, target: str) -> Parts:
    """Detect and plan as the command does, then go the way."""
    with tempfile.TemporaryDirectory(prefix="teleclaude-bench-") as private:
        (Path(private) / "run").mkdir()
        options = Options(
            source=folder / "checkout",
            home=folder / "home",
            target=target,
            root=Path(private) / "root",
            person="Ada",
            uid=1000,
            report_dir=Path(private),
        )
        plan = make_plan(options, await discover(options, "run", Path(private), os.environ))
        return dict(await WAYS[way](plan))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(run(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))))
