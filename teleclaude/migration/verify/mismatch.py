"""The error that says where PostgreSQL holds something else than the source. It gives no secret away. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from teleclaude.config.secrecy import is_harmless, is_harmless_content, is_secret
from teleclaude.errors import VerificationError
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.verify.problems import ROWS_DIFFER, VALUE_DIFFERS

_SHOWN_CHARACTERS = 80


def value_differs(table: TablePlan, key: Any, column: str, wanted: Any, found: Any) -> VerificationError:
    """Return the error that names a row, one of its columns or all of them, and both values."""
    columns = [column] if column else [each.name for each in table.columns]
    problem = VALUE_DIFFERS.fill(
        table=table.label,
        row="a row" if key is None else f"row {_show(table, [], key, is_harmless)}",
        column=column or "all columns",
        source=_show(table, columns, wanted),
        target=_show(table, columns, found),
    )
    return VerificationError(problem, table=table.label, key=key, column=column)


def number_differs(table: TablePlan, rows: int) -> VerificationError:
    """Return the error that says how many rows there are, the rejected ones counted."""
    wanted = f"{table.rows} row{'s'[: table.rows != 1]}"
    problem = ROWS_DIFFER.fill(table=table.label, found=f"{rows} row{'s'[: rows != 1]}", wanted=wanted)
    return VerificationError(problem, table=table.label, key=None, column="")


def _show(
    table: TablePlan, columns: Sequence[str], value: Any, may_show: Callable[[str, Any], bool] = is_harmless_content
) -> str:
    """Return a value, or those of a row by their columns, as far as they are harmless."""
    if isinstance(value, tuple | list):
        parts = zip_longest(columns[: len(value)], value, fillvalue="")
        written = f"({', '.join(_show_one((table.name, name), one, may_show) for name, one in parts)})"
    else:
        written = _show_one((table.name, *columns[:1]), value, may_show)
    return written if len(written) <= _SHOWN_CHARACTERS else f"{written[:_SHOWN_CHARACTERS]}…"


def _show_one(names: Sequence[str], value: Any, may_show: Callable[[str, Any], bool]) -> str:
    if all(may_show(name, value) for name in names):
        return ascii(value)
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    # A short secret could be guessed, and recognised by its digest.
    digest = "" if any(map(is_secret, names)) else f", sha256 {hashlib.sha256(data).hexdigest()[:8]}"
    return f"<length {len(data)}{digest}>"
