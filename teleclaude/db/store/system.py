"""The installation as a whole: settings, rows of every table, migrations that are not finished."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import MigrationRun, Model, SystemSetting

INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""Both databases know ON CONFLICT, SQLAlchemy by one name each."""


async def read_settings(orm: Orm) -> dict[str, str]:
    """Return every setting."""
    rows = await orm.execute(select(SystemSetting.key, SystemSetting.value).order_by(SystemSetting.key))
    return {row.key: row.value for row in rows}


async def read_setting(orm: Orm, key: str) -> str | None:
    """Return a setting, None where there is none."""
    return await orm.scalar(select(SystemSetting.value).where(SystemSetting.key == key))


async def write_setting(orm: Orm, key: str, value: str) -> None:
    """Set a setting, whether there was one or not."""
    row = {"value": value, "updated_at": datetime.now(UTC)}
    statement = INSERT[orm.get_bind().dialect.name](SystemSetting).values(key=key, **row)
    await orm.execute(statement.on_conflict_do_update(index_elements=["key"], set_=row))


async def pending_runs(connection: AsyncConnection) -> Sequence[str]:
    """Return the migrations that have committed and are not finished."""
    return (await connection.scalars(select(MigrationRun.run_id).where(MigrationRun.state == "pending"))).all()


async def count_rows(connection: AsyncConnection) -> dict[str, int]:
    """Return the number of rows of every table."""
    return {
        name: await connection.scalar(select(func.count()).select_from(table)) or 0
        for name, table in sorted(Model.metadata.tables.items())
    }
