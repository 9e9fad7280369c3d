"""The sentence that says where PostgreSQL holds something else than the source, without giving a secret away. Pure."""

from __future__ import annotations

import re
from typing import Any

from teleclaude.errors import VerificationError
from teleclaude.migration.tables import TablePlan

SENSITIVE = re.compile(r"token|secret|contract_json|target_url|payload|event_json", re.IGNORECASE)
SHOWN_CHARACTERS = 80
HINT = "report this; nothing was kept"


def value_differs(table: TablePlan, key: Any, column: str, wanted: Any, found: Any) -> VerificationError:
    """Return the error that names a row, one of its columns or all of them, and both values."""
    hidden = SENSITIVE.search(table.name) or SENSITIVE.search(column)
    shown = ("(hidden)", "(hidden)") if hidden else (_show(wanted), _show(found))
    where = "a row" if key is None or SENSITIVE.search(table.name) else f"row {_show(key)}"
    return VerificationError(
        f"{table.label}, {where}, {column or 'all columns'}: the source holds {shown[0]}, PostgreSQL holds {shown[1]}",
        HINT,
        table=table.label,
        key=key,
        column=column,
    )


def number_differs(table: TablePlan, rows: int) -> VerificationError:
    """Return the error that says how many rows there are."""
    return VerificationError(
        f"{table.label} holds {rows} rows, the source holds {table.rows}", HINT, table=table.label, key=None, column=""
    )


def _show(value: Any) -> str:
    written = ascii(value)
    return written if len(written) <= SHOWN_CHARACTERS else f"{written[:SHOWN_CHARACTERS]}… ({len(written)} characters)"
