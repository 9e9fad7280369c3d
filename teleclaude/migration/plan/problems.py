"""What refuses a migration or is worth knowing before it, in the order in which it is looked for. Pure.

A new reason to refuse is a constant here and a function in `prechecks`.
"""

from __future__ import annotations

from teleclaude.errors import Problem
from teleclaude.migration.values.identifiers import MOST_COLUMNS

# Who works on the old installation.
SERVICE_RUNS = Problem("{manager} keeps {unit} running", "stop it: {command}")
SERVICE_STARTS = Problem("{manager} starts {unit} {starts}", "run cutover.sh after the migration: it disables the unit")
CRON_STARTS = Problem("cron starts the old program: {path}, {place}", "{action}")
CRON_MAY_START = Problem(CRON_STARTS.message, "nothing to do; if it starts during the trial and writes, run it again")

# The target.
NO_TARGET = Problem("no target is named", "use --target postgresql://USER@HOST/DATABASE, or set PGHOST and PGDATABASE")
SERVER_TOO_OLD = Problem("PostgreSQL {major} is too old", "use PostgreSQL {oldest} to {newest}")
SERVER_TOO_NEW = Problem(
    "PostgreSQL {major} is newer than {newest}, the newest that was tested",
    "nothing to do; if the migration fails, use PostgreSQL {newest}",
)
NOT_UTF8 = Problem("the encoding of the database is {encoding}, not UTF8", "create it with ENCODING 'UTF8'")
STANDBY = Problem("the server is a standby, which cannot be written to", "use --target with the primary server")
MAY_NOT_CREATE = Problem(
    "the role {role} may not create schemas in the database {database}",
    "make the role its owner: ALTER DATABASE {database} OWNER TO {role}",
)
MAY_NOT_CREATE_TABLES = Problem(
    "the role {role} may not create tables in the schema {schema}",
    "as its owner, or as an administrator: GRANT CREATE ON SCHEMA {schema} TO {role}",
)
NO_PUBLIC = Problem(
    "the database {database} has no schema public, where the tables would be",
    "create it: CREATE SCHEMA public AUTHORIZATION {role}",
)
MAY_NOT_USE_PUBLIC = Problem(
    "the role {role} may not use the schema public, where the tables would be",
    "as its owner, or as an administrator: GRANT USAGE, CREATE ON SCHEMA public TO {role}",
)
NO_SCHEMA = Problem("search_path is {path}, which names no schema that the role may use", "{remedy}")
WRONG_SETTING = Problem("{name} is {value} in each session of the role; the migration needs {wanted}", "{remedy}")
MAY_NOT_USE_TABLESPACE = Problem(
    "the role {role} may not create tables in the tablespace {tablespace}, which default_tablespace names",
    "as an administrator: GRANT CREATE ON TABLESPACE {tablespace} TO {role}",
)
TOO_FEW_CONNECTIONS = Problem(
    "the limit of {scope} leaves {connections}; the migration needs {needed}, and the daemon up to {most}",
    "raise the limit: ALTER {scope} CONNECTION LIMIT -1",
)
FEW_CONNECTIONS = Problem(
    "the limit of {scope} leaves {connections}; the daemon needs up to {most}",
    "raise the limit: ALTER {scope} CONNECTION LIMIT -1",
)
TARGET_HELD = Problem("{holder}", "stop it and run again")
NOT_EMPTY = Problem(
    "the database is not empty; these tables hold rows: {tables}",
    "use --target with an empty database, or empty this one if nobody needs it",
)
ALREADY_MIGRATED = Problem(
    "the database is not empty; these tables hold rows: {tables}; the migration {run} into it is {state}",
    "start the new daemon; to migrate again, first go back by the run's rollback.txt",
)
NAMES_TAKEN = Problem(
    "the schema {schema} has objects that are not TeleClaude's, with names that it needs: {listed}",
    "use --target with another database, or rename or drop these objects",
)
OTHER_OWNER = Problem(
    "these tables belong to {owners}, whose rights the role {role} does not have: {tables}",
    "use --target with that role, or with another database",
)
UNRELATED = Problem(
    "the database also holds tables of others, with rows: {tables}",
    "nothing to do; they stay as they are, and a database of its own is easier to back up",
)
OTHER_REVISION = Problem(
    "the database is at schema revision {revision}; this program needs {head}",
    "use the release that fits the revision, or an empty database",
)
SCHEMA_TAKEN = Problem(
    "the database has a schema named {schema}; the migration needs that name for its own", "rename or drop that schema"
)

# The places of the new installation.
EXISTS = Problem("{path} exists and would be replaced", "move it away, or use another --root")
NOT_WRITABLE = Problem("{path} cannot be written to", "run as root, or use --root with a folder of your own")
NOT_WRITABLE_BY_ROOT = Problem(
    "{path} cannot be written to", "run: chmod u+w {path}; on a read-only disk, mount it writable first"
)
UNSAFE_FOLDER = Problem(
    "a user without privileges can change {path}, so no file of the system may be put there",
    "make root its owner, and let nobody else write to it",
)
UNSAFE_STATE = Problem(
    "a user without privileges can change {path}, so the folder of the run may not be there",
    "run bin/install-system.sh, which makes root its owner",
)
UNSAFE_RUN_FOLDER = Problem(UNSAFE_STATE.message, "use --report-dir with a folder that belongs to root")
NO_SERVICE_USER = Problem("the service user does not exist", "run bin/install-system.sh, or try with --root DIR")

# The owner of the sessions.
CONTROL_CHARACTER = Problem("the name after --person has a control character", "use --person NAME without it")
UNKNOWN_PERSON = Problem("the configuration does not know {person}", "use --person with one of these: {known}")
UNCLEAR_PERSON = Problem(
    "it is not clear whom the sessions belong to", "use --person NAME; the configuration knows: {known}"
)
NO_PEOPLE = Problem(
    "people lists nobody, so the owner of the sessions has no name", "use --person NAME with the name of their owner"
)
PERSON_DIFFERS = Problem(
    "--person names {person}, but the old installation belongs to {account}",
    "use --person with its owner, or add --uid N with the user id of {person}",
)
OWNED_BY_ROOT = Problem("the old installation belongs to root", "use --uid N, the user id of its real owner")
OWNER_DIFFERS = Problem(
    "every session belongs to {account}, but {differing}",
    "if that is wrong, use --uid N with the user id of the right account",
)
NO_ACCOUNT = Problem(
    "every session belongs to uid {uid}, and this computer has no account with that number",
    OWNER_DIFFERS.hint,
)
FIRST_PERSON = Problem(
    "people lists nobody, so {name} becomes its only entry, an administrator with the username {username}",
    "check people in {path}: the new daemon knows callers by their usernames",
)
FIRST_PERSON_UNNAMED = Problem(
    "people lists nobody, so {name} becomes its only entry, an administrator without a username", FIRST_PERSON.hint
)
FOLDER_OF_SEVERAL = Problem(
    "the folder people/{folder} fits several entries of people: {names}",
    "move its settings, in {secrets} under profiles, to the person whose they are",
)

FOLDER_OF_NOBODY = Problem(
    "the folder people/{folder} fits no name or username in people",
    "move its settings, in {secrets} under profiles, to the person whose they are",
)

NO_USERNAME = Problem(
    "no entry of people has the username {name}, so the new daemon would not know that user",
    "after the migration write username: {name} into the right entry of people in {path}, then start the daemon",
)

# The time zone.
UNKNOWN_ZONE = Problem("there is no time zone {zone}", "use --timezone {nearest}")
UNKNOWN_ZONE_THERE = Problem("computer.timezone in {path} is {zone}, which is no time zone", UNKNOWN_ZONE.hint)
NO_ZONE = Problem(
    "no time zone is configured, so old local times are read as UTC", "if that is wrong, use --timezone ZONE"
)

# The old tables.
REBUILT = Problem(
    "the rows were found in {table}: the old program was killed during a schema change",
    "nothing to do; every row is moved",
)
MISSING_COLUMNS = Problem(
    "the old table lacks columns, which get their defaults: {columns}",
    "nothing to do; the old release did not have them",
)
ROLE_UNSURE = Problem(
    "an old release stored admin for sessions without a role, so admin here may be wrong",
    "set the roles of people in the configuration",
)
OWNERS_KEPT = Problem(
    "the old sessions have owners of their own ({columns}): legacy.sessions keeps them, and all sessions get one owner",
    "to choose another owner of all sessions, use --person and --uid",
)
TOO_MANY_COLUMNS = Problem(
    f"the table {{table}} has {{count}} columns to move; PostgreSQL holds {MOST_COLUMNS}",
    "remove columns that nobody needs, in a copy of the database",
)
TABLE_RENAMED = Problem(
    "this is the old table {table}; PostgreSQL cannot hold that name here",
    "nothing to do; a comment in the database keeps the old name",
)
COLUMNS_RENAMED = Problem(
    "PostgreSQL cannot hold the names of these columns, so they have others: {columns}",
    "nothing to do; comments in the database keep the old names",
)
STATE_NOT_UNPACKED = Problem(
    "ux_state names {messages} to be deleted; no rows of pending_message_deletions are made from it",
    "nothing to do; legacy.sessions keeps ux_state",
)
COLUMN_LEFT = Problem(
    "SQLite cannot compute this column, so its values are not moved: {reason}",
    "nothing to do; the columns that it is computed from are moved",
)
VIRTUAL_LEFT = Problem(
    "SQLite cannot open this virtual table, so it is not moved: {reason}",
    "nothing to do; what the file holds of it is in other tables, which are moved",
)
INDEX_BROKEN = Problem(
    "the index {index} of {path} is damaged or does not hold every row; the rows were read from the table itself",
    "nothing to do for the migration; before the old program is used again: sqlite3 {quoted} REINDEX",
)
HARD_LINKS = Problem(
    "{path} has {links} names (hard links), and SQLite keeps changes beside the name that a program uses",
    "if a program uses another name, end it and run again; they are listed by: find / -xdev -samefile {quoted}",
)
PART_UNREAD = Problem(
    "{part} lies beside a link, so neither the old program nor the migration reads it; SQLite looks beside {path}",
    "check whether it holds rows that are missed, then move it away",
)
ROWS_WAIT = Problem(
    "rows wait to be sent, and both databases hold them from now on: {queues}",
    "start the new daemon or the old one, never both: each would send them",
)
ROWS_STAY = Problem(
    "rows wait to be sent by the old daemon: {queues}",
    "nothing to do; the daemon of a trial leaves them, unless it is started with --deliver",
)
