"""The messages of the daemon, in the order of the flow: found, booted, upgraded, called, answered, and asked by us."""

from teleclaude.errors import Problem

SERVICE_USER_CANNOT_RUN = Problem(
    "the service user cannot run {program}: {reason}",
    "use /usr/local/bin/teleclaude, which every user can run; bin/install-system.sh installs it",
)

# The installation is found.
CLOSED = Problem("{path} is closed to your account", "run it as an account that may read it: {command}")
TRIAL_OF_ANOTHER = Problem("the trial in {root} belongs to {keeper}", "run it as that account: {command}")
NO_DATABASE_URL = Problem("{path} names no database", "set database.url in {path}")
VARIABLE_NOT_SET = Problem(
    "database.url in {path} names {reference}, which is set nowhere", "set {name} under environment in {secrets}"
)

# The database is examined.
NOT_OUR_DATABASE = Problem(
    "this database does not hold the tables of a system-wide TeleClaude",
    "run teleclaude migrate-to-system to bring a single-user installation into it, or correct database.url",
)
MIGRATION_NOT_FINISHED = Problem(
    "the migration {run} into this database is not finished",
    "let it finish, or run teleclaude migrate-to-system with --resume or --undo",
)
STANDBY = Problem("the server is a standby, which takes no writes", "name the primary server in database.url")
SCHEMA_OLDER = Problem(
    "the database is at schema revision {found}, this program needs {needed}", "run teleclaude upgrade"
)
SCHEMA_UNKNOWN = Problem(
    "the database is at schema revision {found}, which this program does not know",
    "install the release of teleclaude that knows {found}",
)
LOCK_LOST = Problem("the daemon has lost its lock on the database", "try again in a few seconds")

# The schema is upgraded.
NO_SYSTEM_INSTALLATION = Problem("there is no system-wide installation here", "run teleclaude migrate-to-system")
SERVICE_RUNS = Problem(
    "the service {unit} is running, and works on the database", "stop it: {stop}; then run teleclaude upgrade again"
)
_AND_AGAIN = "the database is as it was; {hint}, then run teleclaude upgrade again"
UPGRADE_FAILED = Problem("{upgrade} failed: {reason}", _AND_AGAIN)
UPGRADE_NOT_COMMITTED = Problem("{upgrade} was not committed: {reason}", _AND_AGAIN)
UPGRADE_UNSURE = Problem(
    "{upgrade}: for {seconds} seconds the server did not say whether it was committed",
    "when the server answers, run teleclaude upgrade again",
)

# The socket is opened.
SOCKET_PATH_TOO_LONG = Problem(
    "{path} is longer than the {most} bytes that a socket's path may have", "use a shorter --root"
)
SOCKET_IN_USE = Problem("another process answers on {path}", "stop that process")

# Somebody calls.
TOO_MANY_CONNECTIONS = Problem("your account has too many connections open", "close some of them")
UNKNOWN_HAVE_TOO_MANY = Problem(
    "accounts that are no person in the configuration have too many connections open", "try again in a few seconds"
)
FULL = Problem("the daemon has no more connections for your account", "try again in a few seconds")
NOT_HTTP = Problem("the request is not valid HTTP", "send HTTP/1.1")
UID_WITHOUT_ACCOUNT = Problem("user {uid} has no account on this machine", "call as a user who has one")
USERNAME_OF_MANY = Problem(
    "{number} people in the configuration have the username {name}",
    "remove the username from all of them but one, and restart the daemon",
)
UNKNOWN_USER = Problem(
    "no person in the configuration has the username {name}",
    "ask an administrator to add username: {name} to a person in config.yml, and to restart the daemon",
)
TOKEN_NOT_VALID = Problem(
    "the session token is unknown, expired or revoked", "leave out X-Session-Token, or send a valid one"
)
ROLE_MAY_NOT = Problem("{person} has the role {role}, which may not {method} {path}", "ask an administrator")

# The request is read.
_SEE_ROUTES = "see GET /openapi.json, which lists all routes"
_SEND_OBJECT = "send a JSON object in UTF-8"
NO_EXPECTATION = Problem("this Expect header is not known", "send Expect: 100-continue, or none")
BROKEN_OFF = Problem("the connection was closed before the request was answered", "ask again")
NO_ROUTE = Problem("there is no such route", _SEE_ROUTES)
NO_METHOD = Problem("this route does not take this method", _SEE_ROUTES)
BODY_TOO_LONG = Problem("the body is longer than {most} bytes", "send less")
HTTP_SAID = Problem("{reason}", _SEE_ROUTES)
NOT_JSON = Problem("the body is not JSON: {reason}", _SEND_OBJECT)
NO_JSON_OBJECT = Problem("the body is no JSON object", _SEND_OBJECT)
NESTED_TOO_DEEP = Problem("the body is nested too deep", "send a flatter object")
UNKNOWN_PARAMETERS = Problem(
    "this route does not take {names}", "leave it out; GET /openapi.json describes every field"
)
FIELDS_WRONG = Problem("{fields}", "see GET /openapi.json, which describes every field")

# The request is answered.
TOO_SLOW = Problem("the answer took longer than {seconds} seconds", "ask for less")
VALUE_NOT_HELD = Problem("the database cannot hold a value of the request", "correct that value")
UNREACHABLE = Problem("the database cannot be reached", "try again; if it stays, see the log of the database")
DAEMON_BUG = Problem("the daemon failed because of a bug", "report it with the daemon's log")
NO_MEMORY_LEFT = Problem("other callers take all the memory for answers", "try again in a few seconds")
NO_SESSION = Problem("there is no session {session_id}", "teleclaude sessions --closed lists all of yours")
TOO_MANY_SESSIONS = Problem(
    "you have {most} open sessions, and no account may have more", "close some of them with DELETE"
)
ID_NOT_YOURS_TO_CHOOSE = Problem(
    "the id of a new session is chosen by the daemon", "leave out session_id; only an administrator may send one"
)
SESSION_EXISTS = Problem("there is a session {session_id} already", "leave out session_id, and you get a new one")
SESSION_OF_ANOTHER = Problem("the session {session_id} is somebody else's", "ask its owner, or an administrator")
NO_OBSERVATION = Problem("there is no observation {number}", "search for it with GET /api/memory/search")
NO_SETTING = Problem("there is no setting {key}", "GET /system-settings lists all of them")

# We ask a daemon.
DAEMON_SAID = Problem("{error}", "{hint}")
NO_REASON_GIVEN = Problem("GET {path} answered {status}", "see the log of the daemon")
MAY_NOT_CONNECT = Problem("you may not connect to {path}", "call as the user whose daemon it is")
NOT_OUR_DAEMON = Problem("the program that answers on {path} is not this daemon", "see which process listens there")
NO_DAEMON = Problem("no daemon answers on {path}", "start it: {start}")
LIST_CHANGED = Problem("the list of sessions changed while it was read", "ask again; if it stays, restart the daemon")
