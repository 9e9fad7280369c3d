"""Everything that the steps tell the operator, in their order. Pure."""

from __future__ import annotations

from teleclaude.errors import Problem

NOT_REHEARSED = Problem(
    "no target can be reached, so the load was not rehearsed", "use --target URL with a database that can be reached"
)
HAS_ROWS = Problem(
    "the table {table} on the target has rows that discovery did not see", "use --target with an empty database"
)
LOCAL_TIMES = Problem(
    "{values} without a zone: read as local time of the computer ({rule})",
    "use --timezone ZONE if the computer was in another zone",
)
REJECTED = Problem("rows that the table cannot hold were rejected and kept whole: {reasons}", "see {rejects}")

NOT_WRITTEN = Problem("{path} cannot be written: {reason}", "fix the permissions of its folder and run it again")

NO_SNIPPETS = Problem("the old installation has no shared snippets")
DOCS_NOT_WRITTEN = Problem(
    "the shared snippets cannot be written to {path}: {reason}", "fix the permissions of its folder and run it again"
)
FILE_CHANGED = Problem("{path} changed during the migration", "stop the program that writes to it and run again")

NOT_PROBED = Problem("a rehearsal keeps nothing on which a daemon could boot")
CANNOT_RUN = Problem(
    "the service user cannot run {program}: {reason}",
    "use /usr/local/bin/teleclaude, which everybody may run; bin/install-system.sh installs it",
)
NO_VERDICT = Problem(
    "the daemon gave no verdict in {seconds} seconds", "run it again while the computer does less; then report this"
)
DID_NOT_BOOT = Problem("the daemon did not boot on the new installation: {last}", "fix what it names, or report this")
PROBE_FAILED = Problem("the daemon cannot serve what was moved: {message}", "{hint}")
WRONG_BACKEND = Problem("the daemon booted on {backend}, not on postgresql", "report this as a bug")
WRONG_RUNS = Problem("the daemon sees the pending runs {found}, not {wanted} alone", "report this as a bug")
WRONG_SESSIONS = Problem(
    "the {name} that the daemon lists ({found}) are not those of the source ({wanted})", "report this as a bug"
)
WRONG_COUNT = Problem(
    "the rows that the daemon counts in {table} ({found}) are not those of the source ({wanted})",
    "report this as a bug",
)
WARNED = Problem("{message}", "{hint}")

ACTIVE_AGAIN = Problem("since the migration began, {message}", "{hint}")
