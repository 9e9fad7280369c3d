"""What the commands themselves refuse, and a bug. Pure."""

from __future__ import annotations

from teleclaude.errors import Problem

BUG = Problem("a bug: {name}", "please report it with {file}")
BUG_NOT_KEPT = Problem(
    "a bug: {name}; its traceback cannot be kept: {reason}", "set TMPDIR to a folder with room, and try again"
)
SYSTEM_REFUSED = Problem("{subject}: {reason}", "make room or fix the permissions there, and try again")
DIRECTORY_GONE = Problem("the current directory has been removed", "change to another one, such as /, and try again")
OUTPUT_LOST = Problem("stdout cannot be written: {reason}", "make room where it goes, and try again")
OUTCOME_LOST = Problem("stdout cannot be written, and everything else is done: {reason}", "{kept}")
CANNOT_MAKE_FOLDER = Problem("{path} cannot be made: {reason}", "use another --output-dir")
