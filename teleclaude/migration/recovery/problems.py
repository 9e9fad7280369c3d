"""What is said of a run that was cut off, and of a verification later."""

from __future__ import annotations

from teleclaude.errors import Problem

# Why nothing can be done about the run here and now.
TARGET_BUSY = Problem("{activity}", "stop it and run again")
OTHER_TARGET = Problem(
    "the migration {run} was cut off, and it wrote to another database, {target}",
    "use --target {target} with --resume or --undo",
)
OTHER_PLACES = Problem(
    "the migration {run} wrote to other places, for example {path}",
    "use --root, TELECLAUDE_CONFIG_PATH and the other variables as that run did",
)
COMPLETE = Problem("the migration {run} is complete, and a daemon may have written since", "follow {rollback}")
NOT_READY = Problem("the run cannot be finished yet", "fix what is listed")

# What refuses to finish or to undo it.
OTHER_SOURCE = Problem("{path} is no longer what was migrated", "use --undo, then migrate again")
LEDGER_LOST = Problem(
    "the ledger of the run {run} is lost, and {table} cannot be verified without it", "use --undo, then migrate again"
)
_LOOK = "look at rows that were written since, then follow {rollback}"
TABLE_CHANGED = Problem("{message}", _LOOK)
ROWS_CHANGED = Problem("{table} on the target holds {found}, the run committed {wanted}", _LOOK)
NOTHING_TO_FINISH = Problem("the run left nothing on the target", "use --undo, then migrate again")
NOTHING_TO_COMPARE = Problem("source and journal of the run {run} are lost, so its rows cannot be compared", _LOOK)

# What is said beside it.
REPUBLISHED = Problem("the files of the run were removed, and are published again")
NOTHING_THERE = Problem("the run left nothing on the target")
JOURNAL_LOST = Problem(
    "the journal of the run is lost: broken constraints and the next values of sequences are unknown",
    "use \\d TABLE in psql to see the constraints of a table",
)
VERIFIED_BEFORE = Problem("sequences and constraints were verified by the run before it was cut off", "see its journal")
COUNTED_WITHOUT_JOURNAL = Problem("the journal of the run is lost, so rows were counted, and values not compared")
COUNTED_WITHOUT_SOURCE = Problem(
    "the source is no longer what was migrated, so rows were counted, and values not compared"
)

# The reports of earlier runs, and the verification later.
REPORT_CLOSED = Problem("{path} is closed to your account", "run the same command with sudo")
NO_SUCH_REPORT = Problem("there is no report {path}", "use the report.json of a run below {folder}")
NO_REPORT = Problem("{path} is not the report of a migration", "use the report.json of a run")
NO_RUNS = Problem("there is no report below {folder}", "name the folder of a run, or use --root as the run did")
NOTHING_MOVED = Problem("{path} is the report of a run that moved nothing", "use the report.json of another run")
DIFFERS = Problem("{message}", "find out what else writes to the database; the daemon does not write that")
EITHER_DIFFERS = Problem("{message}", "look which side was changed: the old database was written to as well")
SOURCE_USED = Problem(
    "the old database was written to after the migration; those rows are not in PostgreSQL",
    "keep the old daemon stopped",
)
