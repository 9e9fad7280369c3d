"""The messages of discovery, in the order of the flow. Pure."""

from __future__ import annotations

from teleclaude.errors import Problem

_USE_SOURCE = "use --source DIR with the checkout of the old installation"
_USE_HOME = "use --home DIR with the home of the user of the old installation"
NO_CHECKOUT = Problem("the checkout {path} does not exist", _USE_SOURCE)
NO_HOME = Problem("the home {path} does not exist", _USE_HOME)
EMPTY_CHECKOUT = Problem("{path} holds no installation: neither config.yml nor .env nor teleclaude.db", _USE_SOURCE)
EMPTY_HOME = Problem("{path} is not the home of an installation: it has no .teleclaude", _USE_HOME)
CLOSED = Problem("{path} cannot be read: {reason}", "run it with sudo")
CLOSED_TO_OWNER = Problem("{path} cannot be read: {reason}", "let its owner read it: chmod u+rX {path}")
UNREADABLE = Problem("{path} cannot be read: {reason}", "fix the cause and run again")
HOME_UNKNOWN = Problem("HOME is not set, and this computer has no account with the uid {uid}", _USE_HOME)
SEVERAL_OWNERS = Problem("the old installation belongs to several users: {listed}", "use --source DIR and --home DIR")

CONFIG_MISSING = Problem("{path} is missing", _USE_SOURCE)
PEOPLE_NO_LIST = Problem("people in {path} is not a list of entries with names", "fix the list")
NAME_NOT_PRINTABLE = Problem("entry {number} of people in {path} has a name with a control character", "fix the name")
OUR_NAMES = Problem(
    "{path} uses names of variables that only the new installation may have: {listed}",
    "give those variables other names in the old files",
)

UNSET = Problem(
    "{path} names variables that .env does not set: {listed}",
    "set those that the old daemon had from elsewhere under environment in {secrets}",
)

NO_DATABASE = Problem("there is no database at {path}", _USE_SOURCE)
NAMED_LOST = Problem(
    "there is no database at {path}, and none at {named}, which {setting} names",
    "correct {setting}, so that it names the database",
)
NAMED_MISSING = Problem(
    "{setting} names {named}, and there is no database; {path} is moved",
    "if your sessions are not in {path}, correct {setting} and run again",
)
NAMED_FOREIGN = Problem("{setting} names {named}, which is not a database of TeleClaude", "correct or remove {setting}")
SEVERAL_DATABASES = Problem("two databases hold data: {listed}", "move away the one that is not in use")
MOUNTED = Problem(
    "{path} is mounted without its folder, so nobody sees here whether changes (-wal) lie beside the real file",
    "mount the whole folder, or put a link to the real file there; findmnt {quoted} shows which file it is",
)
NO_SESSIONS = Problem("{path} is not TeleClaude's: it has no table of sessions", "use the right --source DIR")
NAME_NOT_UTF8 = Problem(
    "a table or column of {path} has a name that is not UTF-8", "rename the table or column with sqlite3"
)
DAMAGED = Problem("{path} is damaged or not an SQLite database: {reason}", "restore it from a backup")
TABLE_UNKNOWN = Problem(
    "SQLite {version} cannot read the table {table} of {path}: {reason}", "run it with a Python that has a newer SQLite"
)
NOT_READ = Problem("SQLite {version} cannot read {path}: {reason}", TABLE_UNKNOWN.hint)
EVENTS_NO_FILE = Problem(
    "{path} is not a file, so no events are moved", "check whether the events are in another place"
)

TOO_MANY_DOCS = Problem(
    "the docs hold more than {megabytes} MB or {limit} files or folders, up to {path}",
    "move away the files that are not snippets",
)
SETTINGS_UNCLEAR = Problem("{path} cannot be parsed{place}", "if it names {checkout}, remove that by hand")

PROCESSES_HIDDEN = Problem(
    "/proc does not show the processes, so nobody knows who uses the old installation",
    "mount it: sudo mount -t proc proc /proc",
)
DAEMON_LOCK_HELD = Problem("the daemon is running: process {process} holds {path}", "{stop}")
CRON_LOCK_HELD = Problem(
    "the cron runner is running: process {process} holds {path}", "wait for its end, and disable its entry in cron"
)
PROGRAM_RUNS = Problem("the {program} is running as process {process}", "{stop}")
DATABASE_OPEN = Problem("process {process} ({name}) holds the database open", "end it: kill {process}")
DAEMON_ANSWERS = Problem("a daemon answers on {path}", "{stop}")
AGENTS_RUN = Problem(
    "agents run in tmux, and their hooks may write: {listed}", "end them: tmux kill-session -t {session}"
)

NO_POSTGRESQL = Problem("the target is not PostgreSQL", "use --target postgresql://USER@HOST/DATABASE")
