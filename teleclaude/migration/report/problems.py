"""What a report asks the operator to look at, in the order of the page. Pure."""

from __future__ import annotations

from teleclaude.errors import Problem

# A finding of a step.
FOUND = Problem("{subject}: {message}", "{hint}")

# What still refers to the old installation; the script is there after a migration alone.
CUTOVER_TO_DO = Problem("the cutover is still to be done: {places}", "read it, then run: sudo sh {script}")
CUTOVER_TO_COME = Problem("the cutover is to be done after the migration: {places}", "{where} the commands: `cutover`")

# What the load could not do as it should.
NO_NUMBER_LEFT = Problem(
    "{table}.{column} has no number left, so the next row that needs one is refused",
    "renumber its highest row, then run: ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH NUMBER",
)
CONSTRAINT_BROKEN = Problem("{name} is {state}, because the data of {rows} breaks it", "{where} the query of the rows")
VALUES_CHANGED = Problem(
    "{values} could not be stored unchanged", "look at {ledger}, which has each of them with its original"
)
VALUES_NOT_KEPT = Problem(
    VALUES_CHANGED.message,
    "keep the list of them, with the originals: --report-dir DIR, or --keep of a demonstration",
)

# What a reader of the snippets will miss.
REFERENCES_LOST = Problem(
    "{references} in shared snippets {lead} to nothing that was copied, the first in {first}",
    "{where} each with its line and its reason: `lost_references`",
)
