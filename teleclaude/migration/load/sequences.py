"""Identity columns go on where SQLite would have gone on, and an insert proves it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.models import Model
from teleclaude.errors import TargetError
from teleclaude.migration.plan.tables import SequencePlan, TablePlan, column_type
from teleclaude.migration.report.events import SequenceResult
from teleclaude.migration.values.column_types import STAND_INS, ColumnType
from teleclaude.migration.values.identifiers import quote

HIGHEST = 2**63 - 1
"""Of a bigint (PostgreSQL manual, numeric types)."""


async def restart_sequence(connection: AsyncConnection, table: TablePlan, sequence: SequencePlan) -> SequenceResult:
    """Let the column go on at the larger of its highest number plus one and what SQLite would have used next.

    It works on the bare table: an insert that only proves the number must not have to satisfy other constraints. Where
    no number is left nothing is proved, for the next one is taken.

    Raises TargetError where the insert gets another number.
    """
    column = quote(sequence.column)
    highest = await connection.scalar(text(f"SELECT max({column}) FROM {table.sql_name}"))  # noqa: S608
    wanted = max((highest or 0) + 1, sequence.next_id or 1, 1)
    following = min(wanted, HIGHEST)
    # ALTER … RESTART is taken back with the transaction; setval would not be.
    restart = text(f"ALTER TABLE {table.sql_name} ALTER COLUMN {column} RESTART WITH {following}")
    await connection.execute(restart)
    async with connection.begin_nested() as savepoint:
        # Repeated inside the savepoint, so that the number that the proof uses comes back with it.
        await connection.execute(restart)
        given = await connection.scalar(_proof(table.name, sequence.column))
        await savepoint.rollback()
    if given != following:
        raise TargetError(f"{table.label}.{sequence.column} gave {given} and not {following}", "report this")
    return SequenceResult(table.label, sequence.column, following, verified=following == wanted)


def _proof(name: str, identity: str) -> Any:
    model = Model.metadata.tables[name]
    needed = [c for c in model.columns if not c.nullable and c.server_default is None and c.identity is None]
    # A document is given as the value that it is, not as text.
    values = {c.name: {} if column_type(c) is ColumnType.DOCUMENT else STAND_INS[column_type(c)] for c in needed}
    return insert(model).values(values).returning(model.columns[identity])
