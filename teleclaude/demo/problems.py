"""Why there is no server for the demonstration: the messages of this package."""

from __future__ import annotations

from teleclaude.errors import Problem

NO_POSTGRESQL = Problem(
    "there is no PostgreSQL to run",
    "use ./run demo in a checkout, or set TELECLAUDE_PG_BINDIR to the folder of initdb and postgres",
)
NO_ROOM = Problem(
    "the demonstration needs {needed} MB in {folder}, which has {free} MB free",
    "make room in {folder} and run it again",
)
NOT_STARTED = Problem(
    "the PostgreSQL server did not start: {reason}",
    "set TELECLAUDE_PG_BINDIR to the folder of another initdb and postgres",
)
