"""What docs/adopting.md tells other programs: the columns are these, and its three types write the old values."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, URL, Boolean, Column, MetaData, Table, Text, insert, select

from teleclaude.db import schema
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.models import AuditLog, MigrationRun, Model
from teleclaude.db.types import Instant
from teleclaude.demo.installation import SampleInstallation

PAGE = (Path(__file__).parent.parent / "docs/adopting.md").read_text("utf-8")
KINDS = {"JsonText": JSON, "IsoText": Instant, "ZeroOne": Boolean}
TABLES = [table for table in Model.metadata.sorted_tables if table not in (AuditLog.__table__, MigrationRun.__table__)]

OLD_VALUES: dict[str, tuple[Any, Any]] = {
    "JsonText": ('{"id": 12345678901234567890}', '{"id": 12345678901234567890}'),
    "IsoText": ("2026-03-15 09:30:00.123456", "2026-03-15T09:30:00.123456+00:00"),
    "ZeroOne": (1, 1),
}
"""What the old program writes, and what it reads again."""

CHECKED = {
    "deletion_type": "feedback",
    "message_type": "text",
    "mode": "direct_link",
    "conversation_links.status": "active",
    "inbound_queue.status": "pending",
    "state": "queued",
}


def types() -> dict[str, Any]:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    found: dict[str, Any] = {}
    exec(compile(code, "docs/adopting.md", "exec"), found)
    return found


def columns_of(table: Any, kind: Any) -> list[str]:
    return [column.name for column in table.columns if isinstance(column.type, kind)]


def test_every_column_of_another_type_is_named_and_no_other() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
    written = {name: [[*filter(None, cell.split(", "))] for cell in cells] for name, *cells in rows[2:]}
    said = {table.name: [columns_of(table, kind) for kind in KINDS.values()] for table in TABLES}
    assert written == {name: cells for name, cells in said.items() if any(cells)}


def test_what_may_be_null_and_every_default_are_those_of_the_old_file(sample: SampleInstallation) -> None:
    with closing(sqlite3.connect(sample.database)) as old:
        for table in TABLES:
            for name, required, default, key in old.execute(
                'SELECT name, "notnull", dflt_value, pk FROM pragma_table_info(?)', (table.name,)
            ):
                column: Any = table.columns[name]
                ours = column.server_default.arg if hasattr(column.server_default, "arg") else None
                said = {"None": "None", "false": "0", "true": "1"}.get(str(ours), str(ours))
                assert (column.nullable, said) == (not (required or key), str(default).strip("'")), (table.name, name)


async def test_the_three_types_write_what_the_old_program_wrote_and_read_it_as_it_was(target: URL) -> None:
    made, theirs = types(), MetaData()
    async with disposing(make_engine(target)) as engine, engine.begin() as connection:
        await connection.run_sync(schema.upgrade)
        for table in TABLES:
            kinds = {name: written for written, kind in KINDS.items() for name in columns_of(table, kind)}
            row = {name: OLD_VALUES[kind][0] for name, kind in kinds.items()} | _others(table, kinds)
            columns = [Column(name, made[kinds[name]]() if name in kinds else table.columns[name].type) for name in row]
            old = Table(table.name, theirs, *columns)
            await connection.execute(insert(old).values(row))
            (read,) = (await connection.execute(select(old))).mappings().all()
            assert dict(read) == row | {name: OLD_VALUES[kind][1] for name, kind in kinds.items()}
        (owner,) = await connection.exec_driver_sql("SELECT owner_person, owner_uid FROM sessions")
        assert tuple(owner) == ("", -1)


def _others(table: Any, kinds: dict[str, str]) -> dict[str, Any]:
    """Return a value for every column of the old file that keeps its type."""
    return {
        column.name: CHECKED.get(f"{table.name}.{column.name}", CHECKED.get(column.name, "x"))
        if isinstance(column.type, Text)
        else 7
        for column in table.columns
        if column.name not in {*kinds, "owner_person", "owner_uid"}
    }
