"""What can be wrong with a database, its address and its locks."""

from __future__ import annotations

from teleclaude.errors import Problem

# The address.
_FORM = "write it as postgresql://USER@HOST:PORT/DATABASE"
UNREADABLE_URL = Problem("the database URL cannot be read", _FORM)
UNKNOWN_SCHEME = Problem("the database URL begins with {scheme}://, which is neither PostgreSQL nor SQLite", _FORM)
UNKNOWN_PARAMETER = Problem("the database URL has a parameter that is not known here: {name}", "leave it out")
NO_PORT = Problem("the port {port} in the database URL is not a port", "write it as HOST:5432")
AT_IN_PASSWORD = Problem("the password in the database URL holds an @", "write it as %40, or use PGPASSWORD")
NO_NUMBER = Problem("{name} in the database URL is not a number", "write a number")
OPEN_QUOTE = Problem("options in the database URL has a quote that does not end", "end the quote")
UNKNOWN_SSLMODE = Problem("sslmode {mode} in the database URL is not known", "use one of {known}")
WEAK_SSLMODE = Problem("sslmode {mode} is too weak for sslrootcert=system", "use sslmode=verify-full")

# The files and variables that libpq reads beside the address.
NO_USER = Problem(
    "the URL of the database names no user, and this computer has no account with the uid {uid}",
    "write postgresql://USER@HOST/DATABASE",
)
HOST_ADDRESS = Problem("PGHOSTADDR is set, which is not used here", "unset it, and write the address as the host")
NO_SERVICES = Problem("{path} is not a list of services", "fix the file: {path}")
UNKNOWN_IN_SERVICE = Problem("{path} has a parameter that is not known here: {name}", "leave it out")
NO_SERVICE = Problem("the service {name} is not defined", "define it in {path}")
UNREADABLE_FILE = Problem("{path} cannot be read", "fix its permissions, or call with sudo")
NO_FILE = Problem("{parameter} of the database URL, {path}, is no file", "correct the path")
OPEN_FILE = Problem("{path} can be read by others, so it is not used", "chmod 0600 {path}")

# The connection: what the driver or PostgreSQL says.
_SAID = "{database}: {said}"
SAID = Problem(_SAID, "{hint}")
NOT_LET_IN = Problem(
    _SAID,
    "check the user and where the password comes from: ?passfile=FILE in the URL, PGPASSWORD, ~/.pgpass; "
    "sudo takes PGPASSWORD away, and ~ is root's there",
)
NO_DATABASE = Problem(_SAID, "create the database, owned by the role that the daemon will use")
NOT_ALLOWED = Problem(_SAID, "let the role own the database")
TOO_MANY_CONNECTIONS = Problem(_SAID, "wait until others disconnect, or raise max_connections")
READ_ONLY = Problem(_SAID, "use the primary server, not a standby")
PROTOCOL = Problem(_SAID, "if a pooler says so, leave the parameter out, or connect to the server itself")
_POOLED = "let the pooler keep sessions (PgBouncer: pool_mode = session), or connect to the server itself"
STATEMENT_SHARED = Problem(_SAID, _POOLED)
WRONG_ARGUMENT = Problem(_SAID, "correct the database URL")
TLS = Problem(_SAID, "check sslmode and sslrootcert against the certificate of the server")
SILENT = Problem("{database} does not answer", "check the network and the database server, and run again")
WAITS_FOR_STANDBY = Problem(
    "COMMIT waits for a standby (synchronous_standby_names)",
    "start the standby, or interrupt this command, which undoes everything",
)
NOT_REACHED = Problem(_SAID, "check that the database server runs, and that host and port are right")
SEE_LOG = Problem(_SAID, "see the log of the database")

# The locks.
SHARED_SESSIONS = Problem("the database is reached through a pooler that shares sessions", _POOLED)
DATABASE_HELD = Problem("another daemon or migration works on the database", "stop it, and run again")
DATABASE_HELD_BY = Problem(
    "another daemon or migration works on the database: {client}, server process {process}",
    "stop it; SELECT pg_terminate_backend({process}) ends its connection",
)
LOCK_LOST = Problem(
    "the connection that held the lock of the database is gone", "see the log of the database, and run again"
)
FILE_HELD = Problem("a {holder} holds {path}", "stop that {holder}, or wait for its end")
FILE_HELD_BY = Problem("a {holder}, process {process}, holds {path}", "stop that {holder}, or wait for its end")
