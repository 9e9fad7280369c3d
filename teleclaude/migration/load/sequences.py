"""The sequence of an identity column goes on where SQLite would have gone on; an insert checks it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.models import Model
from teleclaude.errors import TargetError
from teleclaude.migration.load.problems import WRONG_NUMBER
from teleclaude.migration.plan.tables import SequencePlan, TablePlan, column_type
from teleclaude.migration.report.events import SequenceResult
from teleclaude.migration.values.column_types import STAND_INS, ColumnType
from teleclaude.migration.values.identifiers import quote

_HIGHEST = 2**63 - 1
"""Of a bigint (PostgreSQL manual, numeric types)."""


async def restart_sequence(connection: AsyncConnection, table: TablePlan, sequence: SequencePlan) -> SequenceResult:
    """Let the column go on at the larger of its highest number plus one and what SQLite would have used next.

    It runs before the constraints, which the row of the check would not satisfy. Where no number is left nothing is
    checked, because the next one is taken.

    Raises TargetError where the insert gets another number.
    """
    column = quote(sequence.column)
    highest = await connection.scalar(text(f"SELECT max({column}) FROM {table.sql_name}"))  # noqa: S608
    wanted = max((highest or 0) + 1, sequence.next_id or 1, 1)
    following = min(wanted, _HIGHEST)
    # A rollback takes ALTER … RESTART back, but not setval. START stays for ever, so that what came later is known.
    restart = text(f"ALTER TABLE {table.sql_name} ALTER COLUMN {column} SET START {following} RESTART")
    await connection.execute(restart)
    async with connection.begin_nested() as savepoint:
        # Repeated inside the savepoint, so that the check uses up no number.
        await connection.execute(restart)
        given = await connection.scalar(_make_insert(table.name, sequence.column))
        await savepoint.rollback()
    if given != following:
        problem = WRONG_NUMBER.fill(table=table.label, column=sequence.column, given=given, wanted=following)
        raise TargetError(problem)
    return SequenceResult(table.label, sequence.column, following, verified=following == wanted)


def _make_insert(name: str, sequence: str) -> Any:
    model = Model.metadata.tables[name]
    needed = [c for c in model.columns if not c.nullable and c.server_default is None and c.identity is None]
    # A document is a value here, not text.
    values = {c.name: {} if column_type(c) is ColumnType.DOCUMENT else STAND_INS[column_type(c)] for c in needed}
    return insert(model).values(values).returning(model.columns[sequence])
