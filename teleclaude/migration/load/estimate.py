"""How much there is to load, whether the disk of the database has room for it, and how much time is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import psutil
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from teleclaude.db.data_directory import find_data_directory
from teleclaude.errors import TargetError
from teleclaude.migration.load.problems import DISK_TOO_SMALL
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.report.events import Finding, Forecast, Progress, warning
from teleclaude.migration.source.installation import SourceTable

_PER_BYTE = 1.25
"""What a database takes on the disk, as a multiple of the used pages of the old one (docs/performance.md)."""


def read_size(reader: Connection, tables: Iterable[SourceTable]) -> int:
    """Return the bytes of the pages in use of an old database, without those of its full-text search."""
    pages, free, size = (
        int(reader.exec_driver_sql(f"PRAGMA {name}").scalar() or 0)
        for name in ("page_count", "freelist_count", "page_size")
    )
    names = [table.name for table in tables if table.search_index]
    return (pages - free) * size - sum(_read_table_size(reader, name) for name in names)


def _read_table_size(reader: Connection, name: str) -> int:
    """Return the bytes that a table takes, 0 where this SQLite does not tell (SQLite manual, "The DBSTAT Table")."""
    query = "SELECT sum(pgsize) FROM dbstat WHERE name = ? AND aggregate = TRUE"
    try:
        return int(reader.exec_driver_sql(query, (name,)).scalar() or 0)
    except DBAPIError:
        return 0


def make_forecast(tables: Sequence[TablePlan], size: int) -> Forecast:
    """Return what the operator is told before the load of tables that take `size` bytes in the old databases."""
    return Forecast(
        rows=sum(table.rows for table in tables),
        megabytes=round(size / 1e6, 3),
        disk_megabytes=round(size * _PER_BYTE / 1e6, 3),
    )


async def check_room(target: AsyncConnection, forecast: Forecast) -> Finding | None:
    """Return a warning where the disk of the database is one of this computer, and smaller than the forecast.

    Raises TargetError where it has no room for half of it, since the forecast is rough.
    """
    folder = await find_data_directory(target)
    if folder is None:
        return None
    free = psutil.disk_usage(str(folder)).free / 1e6
    problem = DISK_TOO_SMALL.fill(needed=forecast.disk_megabytes, folder=folder, free=free)
    if forecast.disk_megabytes / 2 > free:
        raise TargetError(problem)
    return warning("target", problem) if forecast.disk_megabytes > free else None


class Clock:
    """Estimates the time left by the rate so far. Each of `rows` is counted twice: loaded, then compared."""

    def __init__(self, rows: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rows, self._now, self._begun = rows, now, now()
        self._finished = 0
        """Rows of the finished tables, those loaded and those compared."""

    def tell(self, progress: Progress) -> Progress:
        """Return the progress of a table with the seconds left for all tables, None while nothing is done."""
        done = self._finished + progress.done
        left = (2 * self._rows - done) * (self._now() - self._begun) / done if done else None
        return replace(progress, left=left)

    def finish(self, rows: int) -> None:
        """Note that a table of so many rows is loaded, or compared."""
        self._finished += rows
