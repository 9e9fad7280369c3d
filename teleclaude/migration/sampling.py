"""Rows of an old table that stand for all of it: how large they are, and which of them are a sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from teleclaude.migration.shapes import quote
from teleclaude.migration.tables import TablePlan

MANY_ROWS = 5_000
"""A table of more rows is measured by a sample of them, because its values are not all read beforehand."""
SAMPLE_ROWS = 1_000
SAMPLE_BYTES = 2 << 20
SPOTS = 8
"""From so many parts of a table the sample is taken, because old rows are often unlike new ones."""


@dataclass(frozen=True)
class Extent:
    """How large a table is, or a part of it: rows, and the bytes of their values as SQLite holds them."""

    table: TablePlan
    rows: int
    size: int


def measure(table: TablePlan, reader: Connection) -> Extent:
    """Return how large a table is: of a few rows exactly, of many by a sample."""
    if table.rows <= MANY_ROWS:
        return _add_up(table, reader)
    part = _add_up(spread(table, reader, SAMPLE_ROWS), reader)
    return Extent(table, table.rows, part.size * table.rows // max(part.rows, 1))


def take_sample(whole: Extent, reader: Connection) -> Extent:
    """Return a part of a table with enough rows to know what all of them take, and not more bytes than it needs."""
    affordable = SAMPLE_BYTES * whole.rows // max(whole.size, 1)
    return _add_up(spread(whole.table, reader, min(max(affordable, 1), SAMPLE_ROWS)), reader)


def spread(table: TablePlan, reader: Connection, most: int) -> TablePlan:
    """Return the plan of a part of a table: `most` rows from several places of it, else the first ones."""
    try:
        query = f"SELECT min(rowid), max(rowid) FROM {quote(table.source)}"  # noqa: S608
        first, last = reader.exec_driver_sql(query).one()
    except DBAPIError:
        first = last = None
    # A column of this name hides SQLite's own, and may hold anything.
    if not (isinstance(first, int) and isinstance(last, int)):
        return replace(table, part=f" LIMIT {most}")
    spots = min(SPOTS, most)
    # From the middle of each part, because the oldest rows are like no others.
    begins = [first + (last - first) * (2 * spot + 1) // (2 * spots) for spot in range(spots)]
    found = " UNION ".join(f"SELECT rowid FROM ({_rows_from(table, begin, most // spots)})" for begin in begins)  # noqa: S608
    return replace(table, part=f" WHERE rowid IN ({found})")


def _rows_from(table: TablePlan, begin: int, most: int) -> str:
    return f"SELECT rowid FROM {quote(table.source)} WHERE rowid >= {begin} ORDER BY rowid LIMIT {most}"  # noqa: S608


def _add_up(table: TablePlan, reader: Connection) -> Extent:
    # A sum a column, because one expression over all of them could be too deep for SQLite.
    sizes = (f"sum(length(CAST({column.read} AS BLOB)))" for column in table.columns)
    query = f"SELECT count(*), {', '.join(sizes)} FROM {quote(table.source)}{table.part}"  # noqa: S608
    found = reader.exec_driver_sql(query).one()
    return Extent(table, int(found[0]), sum(int(size or 0) for size in found[1:]))
