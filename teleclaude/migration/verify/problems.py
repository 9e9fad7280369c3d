"""What the verification says: where PostgreSQL holds something else than the source."""

from __future__ import annotations

from teleclaude.errors import Problem

_REMEDY = "report this; the target is unchanged"

ROWS_DIFFER = Problem("{table}: PostgreSQL holds {found}, the source holds {wanted}", _REMEDY)
VALUE_DIFFERS = Problem("{table}, {row}, {column}: the source holds {source}, PostgreSQL holds {target}", _REMEDY)
SEARCH_DIFFERS = Problem(
    "in {table} the search finds other rows than before, for example the row with id {row}",
    "report this; the row itself was verified and is equal",
)
