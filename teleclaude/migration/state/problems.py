"""What is said of the things that a run keeps: its folder, its journal, its ledger, its row on the target."""

from __future__ import annotations

from teleclaude.errors import Problem

FOLDER_FAILED = Problem(
    "the folder of the run, {folder}, cannot be made: {reason}",
    "use --report-dir with a folder on a disk that has room, which the caller may write to",
)
UNSAFE_TEMPORARY = Problem(
    "a user without privileges can change {path}, so root may not keep private copies there",
    "set TMPDIR to a folder that only root can change, and run again",
)
OTHER_VERSION = Problem(
    "{journal} is of a run that was cut off, and another version of teleclaude wrote it",
    "finish or undo that run with the version that began it",
)
CUT_OFF = Problem(
    "the migration {run} was cut off after its commit; it is neither finished nor undone",
    "use --resume to finish it, or --undo to undo it",
)
CUT_OFF_COMPLETE = Problem(
    "the migration {run} is complete; only its journal was cut off",
    "use --resume to close the journal",
)
LEDGER_MISSING = Problem(
    "the ledger {path} is missing, and converted values cannot be verified without it",
    "restore the file from a backup, or follow rollback.txt in the folder of the run",
)
LEDGER_CLOSED = Problem(
    "the ledger {path} cannot be read: {reason}",
    "fix its permissions, or restore the file from a backup",
)
LEDGER_DAMAGED = Problem(
    "line {number} of the ledger {path} is damaged, and converted values cannot be verified without it",
    "restore the file from a backup, or follow rollback.txt in the folder of the run",
)
ROW_GONE = Problem(
    "the row of the run {run} is gone from migration_runs on the target", "find out who else works on the database"
)
NOT_PENDING = Problem("the run {run} is {state}, so somebody may have written to the target since", "follow {rollback}")
