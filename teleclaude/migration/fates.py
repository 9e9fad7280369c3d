"""What becomes of every column of an old database; none is without a fate. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from teleclaude.migration.inventory import SourceColumn, SourceTable
from teleclaude.migration.shapes import fold, quote, reason_not_carried
from teleclaude.migration.tables import TablePlan


@dataclass(frozen=True)
class ColumnFate:
    """What becomes of a column of the old database.

    `mapped` to a column as it is, `consumed` by rules that draw on it and carried beside the row as well, `carried`
    because the models do not know it, or `left`.
    """

    table: str
    column: str
    fate: str
    to: str


def make_fates(tables: tuple[SourceTable, ...], plans: tuple[TablePlan, ...]) -> tuple[ColumnFate, ...]:
    """Return the fate of every column of a database; none is without one. `plans` are those of its tables alone."""
    return tuple(_fate(table, column, plans) for table in tables for column in table.columns)


def _fate(table: SourceTable, column: SourceColumn, plans: tuple[TablePlan, ...]) -> ColumnFate:
    reason = reason_not_carried(table.name, search_index=table.search_index)
    if reason is not None:
        return ColumnFate(table.name, column.name, "left", reason)
    places = [(plan, place) for plan in plans if plan.source == table.name for place in plan.columns]
    as_it_is = [(plan, place) for plan, place in places if fold(place.read) == fold(quote(column.name))]
    # The first is the place among its own kind; keys stand beside carried columns as well.
    plan, place = as_it_is[0]
    draws = [f"{plan.label}.{place.name}" for plan, place in places if fold(column.name) in place.needs]
    if not plan.carried:
        return ColumnFate(table.name, column.name, "mapped", f"{plan.label}.{place.name}")
    fate = "consumed" if draws else "carried"
    return ColumnFate(table.name, column.name, fate, ", ".join([*draws, f"{plan.label}.{place.name}"]))
