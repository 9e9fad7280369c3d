"""Everything that the load tells the operator. Pure."""

from __future__ import annotations

from teleclaude.errors import Problem

DISK_TOO_SMALL = Problem(
    "the database needs about {needed:.0f} MB, {folder} has {free:.0f} MB free",
    "make room there, or use --target with a database on a larger disk",
)
WRONG_NUMBER = Problem("{table}.{column} gave the number {given} and not {wanted}", "report this as a bug")
