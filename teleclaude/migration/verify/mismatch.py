"""The error that says where PostgreSQL holds something else than the source. It gives no secret away. Pure."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from teleclaude.config.secrecy import is_harmless, is_harmless_content, is_secret
from teleclaude.errors import VerificationError
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.verify.problems import ROWS_DIFFER, VALUE_DIFFERS
from teleclaude.printable import count, is_printable

_SHOWN_CHARACTERS = 80


class Words(str):
    """What is said instead of a value or a row, such as that there is none."""

    __slots__ = ()


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
    problem = ROWS_DIFFER.fill(table=table.label, found=count(rows, "row"), wanted=count(table.rows, "row"))
    return VerificationError(problem, table=table.label, key=None, column="")


def _show(
    table: TablePlan, columns: Sequence[str], value: Any, may_show: Callable[[str, Any], bool] = is_harmless_content
) -> str:
    """Return a value, or those of a row by their columns, as far as they are harmless."""
    if isinstance(value, Words):
        return value
    if isinstance(value, tuple | list):
        parts = zip_longest(columns[: len(value)], value, fillvalue="")
        written = f"({', '.join(_show_one((table.name, name), one, may_show) for name, one in parts)})"
    else:
        written = _show_one((table.name, *columns[:1]), value, may_show)
    return written if len(written) <= _SHOWN_CHARACTERS else f"{written[:_SHOWN_CHARACTERS]}…"


def _show_one(names: Sequence[str], value: Any, may_show: Callable[[str, Any], bool]) -> str:
    if all(may_show(name, value) for name in names):
        return to_sql(value)
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    # A short secret could be guessed, and recognised by its digest.
    digest = "" if any(map(is_secret, names)) else f", sha256 {hashlib.sha256(data).hexdigest()[:8]}"
    return f"<length {len(data)}{digest}>"


def to_sql(value: Any) -> str:
    """Return a value as SQL writes it, such as NULL, true or 'text'; a moment as PostgreSQL prints it in UTC."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case str():
            return _quote(value)
        case bytes():
            return f"'\\x{value.hex()}'"
        case datetime():
            moment = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".")
            return f"'{moment}+00'"
    return str(value)


def _quote(text: str) -> str:
    """Return a text in quotes; what a reader could not see or tell apart is escaped (PostgreSQL manual, 4.1.2.2)."""
    doubled = text.replace("'", "''")
    if is_printable(text) and unicodedata.is_normalized("NFC", text):
        return f"'{doubled}'"
    return f"E'{''.join(map(_escape, doubled))}'"


def _escape(char: str) -> str:
    if char == "\\" or (char.isascii() and char.isprintable()):
        return char * (1 + (char == "\\"))
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
