"""The messages of reading the old installation, in the order of the flow. Pure."""

from __future__ import annotations

from teleclaude.errors import Problem

RIGHTS_REFUSED = Problem(
    "this process cannot take the rights of uid {uid}", "run it as root with all its capabilities, or as the owner"
)
NO_ANSWER = Problem("the unprivileged process does not answer and cannot read {subject}", "run it again")
WRONG_ANSWER = Problem("the unprivileged process gave a wrong answer about {subject}", "run it again")
PRIVSEP_BUG = Problem("a bug in the unprivileged process: {kind}", "report it")
SAID = Problem("{message}", "{hint}")
"""What the unprivileged process says."""

NOT_PERMITTED = Problem(
    "{path} cannot be read with the rights of uid {uid}: {reason}", "fix its permissions and run again"
)
DANGLING = Problem(
    "{path} is a link to {target}, which does not exist", "mount or restore what it leads to, or remove the link"
)
NOT_REGULAR = Problem("{path} is not a regular file", "put a regular file there, or move it away")
TOO_MANY_ENTRIES = Problem("{folder} has more than {limit} entries", "move away what does not belong there")
TOO_DEEP = Problem("{folder} holds more than {limit} folders in each other", TOO_MANY_ENTRIES.hint)
TOO_LARGE = Problem("{path} is larger than {megabytes} MB", "move it away if it does not belong there")
READ_FAILED = Problem("{path} cannot be read: {reason}", "check its disk and run again")
_LARGER = "set TMPDIR to a folder on a disk with more room, and run again"
COPY_FAILED = Problem("{path} cannot be copied to {copy}: {reason}", _LARGER)
OTHER_NAME = Problem(
    "{path} and {other} are one file, and {part} holds changes of it, which SQLite finds by one of these names alone",
    "end what uses {other}, then let SQLite apply the changes: sqlite3 {quoted} .tables",
)
NO_ROOM = Problem(
    "the copy of {path} needs {needed:.0f} MB, {folder} has {free:.0f} MB free",
    _LARGER,
)
VALUE_TOO_LARGE = Problem(
    "a row of the table {table} is too large for the memory of this process, or for SQLite",
    "give it more memory; or, in a copy of the database, drop the generated or large column with sqlite3",
)
COPY_CHANGED = Problem(
    "{copy} is no longer the private copy that was made", "find out who else can change the folder, and run again"
)
CHANGED = Problem("{path} changed during the migration", "stop the program that writes to it, and run again")
