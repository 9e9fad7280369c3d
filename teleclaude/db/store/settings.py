"""The installation's settings: keys and their values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import SystemSetting

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
