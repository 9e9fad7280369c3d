"""What becomes of every column of an old database; none is without a fate. Pure."""

from __future__ import annotations

from collections.abc import Iterator
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
    return tuple(fate for table in tables for fate in _fates(table, plans))


def _fates(table: SourceTable, plans: tuple[TablePlan, ...]) -> Iterator[ColumnFate]:
    reason = reason_not_carried(table.name, search_index=table.search_index)
    if reason is not None:
        yield from (ColumnFate(table.name, column.name, "left", reason) for column in table.columns)
        return
    places = [(plan, place) for plan in plans if plan.source == table.name for place in plan.columns]
    # The first is the place among its own kind; keys stand beside carried columns as well.
    as_it_is = {fold(place.read): (plan, place) for plan, place in reversed(places)}
    draws: dict[str, list[str]] = {}
    for plan, place in places:
        for need in dict.fromkeys(place.needs):
            draws.setdefault(need, []).append(f"{plan.label}.{place.name}")
    for column in table.columns:
        plan, place = as_it_is[fold(quote(column.name))]
        yield _fate(table, column, plan, f"{plan.label}.{place.name}", draws.get(fold(column.name), []))


def _fate(table: SourceTable, column: SourceColumn, plan: TablePlan, place: str, draws: list[str]) -> ColumnFate:
    if not plan.carried:
        return ColumnFate(table.name, column.name, "mapped", place)
    return ColumnFate(table.name, column.name, "consumed" if draws else "carried", ", ".join([*draws, place]))
