"""What can be wrong with a database, its address and its locks."""

from __future__ import annotations

from teleclaude.errors import Problem

# The address.
_FORM = "write it as postgresql://USER@HOST:PORT/DATABASE"
UNREADABLE_URL = Problem("the database URL cannot be read", _FORM)
UNKNOWN_SCHEME = Problem("the database URL begins with {scheme}://, which is neither PostgreSQL nor SQLite", _FORM)
UNKNOWN_PARAMETER = Problem("the database URL has a parameter that is not known here: {name}", "leave it out")
NO_PORT = Problem("the port {port} in the database URL is not a port", "write it as HOST:5432")
_ENCODE = (
    "percent-encode the characters @ / : ? # % [ ] of the password, which this does: "
    "python3 -c 'import getpass, urllib.parse; print(urllib.parse.quote(getpass.getpass(), \"\"))'; "
    "or leave it out of the URL, and use PGPASSWORD or a password file"
)
SECOND_AT = Problem("the database URL holds more than one @, so it is not clear where the password ends", _ENCODE)
PASSWORD_CUT = Problem("the password in the database URL holds a character that ends it there", _ENCODE)
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
    "check the role and its password; the server does not say which of them is wrong: the password comes from the URL, "
    "PGPASSWORD, ?passfile=FILE in the URL, or ~/.pgpass; sudo takes PGPASSWORD away, and ~ is root's there",
)
NO_ROLE = Problem(
    _SAID, "correct the role in the URL, or let an administrator create it, or let it log in: ALTER ROLE {role} LOGIN"
)
NOT_IN_HBA = Problem(
    _SAID,
    "add a line for this database, role and address to pg_hba.conf of the server, and reload it; where it has one for "
    "hostssl only, use sslmode=require in the URL",
)
OTHER_METHOD = Problem(
    _SAID,
    "pg_hba.conf of the server lets this role in without a password only as an account that fits; run it as that "
    "account, or let an administrator write scram-sha-256 there",
)
NO_DATABASE = Problem(_SAID, "correct its name in the URL, or create it: CREATE DATABASE {name} OWNER {role}")
CLOSED_DATABASE = Problem(_SAID, "let an administrator open it: ALTER DATABASE {name} ALLOW_CONNECTIONS true")
MAY_NOT_CONNECT = Problem(_SAID, "as its owner, or as an administrator: GRANT CONNECT ON DATABASE {name} TO {role}")
NOT_ALLOWED = Problem(_SAID, "let the role own the database")
TOO_MANY_OF_ROLE = Problem(
    _SAID, "wait until other sessions of the role end, or raise its limit: ALTER ROLE {role} CONNECTION LIMIT -1"
)
TOO_MANY_IN_DATABASE = Problem(
    _SAID, "wait until other sessions end, or raise the limit: ALTER DATABASE {name} CONNECTION LIMIT -1"
)
TOO_MANY_CONNECTIONS = Problem(_SAID, "wait until others disconnect, or raise max_connections")
NOT_READY = Problem(_SAID, "wait until the server takes connections, and run again")
READ_ONLY = Problem(
    _SAID,
    "name the primary server, if this is a standby; if not, see where default_transaction_read_only is set: "
    "SELECT * FROM pg_db_role_setting",
)
PROTOCOL = Problem(_SAID, "if a pooler says so, leave the parameter out, or connect to the server itself")
_POOLED = "let the pooler keep sessions (PgBouncer: pool_mode = session), or connect to the server itself"
STATEMENT_SHARED = Problem(_SAID, _POOLED)
WRONG_ARGUMENT = Problem(_SAID, "correct the database URL")
TLS = Problem(_SAID, "check sslmode and sslrootcert against the certificate of the server")
NO_TLS = Problem(
    "{database}: the server does not speak TLS", "turn ssl on at the server, or use sslmode=prefer in the URL"
)
NO_HOST = Problem("{database}: the host {host} is not known here: {said}", "correct the host in the URL")
NO_SOCKET = Problem(
    "{database}: there is no socket of a server at {host}",
    "correct the directory (host) and the port in the URL, or start the server; psql -c 'SHOW unix_socket_directories' "
    "tells the directory",
)
NO_ANSWER = Problem(
    "{database}: nothing answered in time", "check the host and the port in the URL, and the firewall between"
)
NOT_POSTGRESQL = Problem(
    "{database}: what answers there does not speak PostgreSQL, or it ended the connection",
    "check the port in the URL, and see the log of the server",
)
SILENT = Problem("{database} does not answer", "check the network and the database server, and run again")
WAITS_FOR_STANDBY = Problem(
    "COMMIT waits for a standby (synchronous_standby_names)",
    "start the standby, or interrupt this command, which undoes everything",
)
NOT_REACHED = Problem(_SAID, "check that the database server runs, and that host and port are right")
SEE_LOG = Problem(_SAID, "see the log of the database")

# The password that the server refuses, or that was not found.
PASSWORD_OF_URL = Problem(
    "{database}: the role or the password in the database URL is wrong; the server does not say which",
    f"correct the role, or the password; in the URL, {_ENCODE}",
)
PASSWORD_OF_SERVICE = Problem(
    "{database}: the role is wrong, or the password of the service {name}; the server does not say which",
    "correct the role, or the password in {path}",
)
PASSWORD_OF_VARIABLE = Problem(
    "{database}: the role or the password in PGPASSWORD is wrong; the server does not say which",
    "correct the role, or PGPASSWORD",
)
PASSWORD_OF_FILE = Problem(
    "{database}: the role is wrong, or the password in line {line} of {path}; the server does not say which",
    "correct the role, or the password in that line, where : is written \\: and \\ is written \\\\",
)
NO_PASSWORD = Problem(
    "{database}: the server asks for a password, and none was found: "
    "not in the URL, not in PGPASSWORD, and there is no {path}",
    "write the line {wanted} into {path}, with the password at its end, and run chmod 0600 {path}; "
    "or set PGPASSWORD, which sudo keeps with --preserve-env=PGPASSWORD",
)
NO_LINE = Problem(
    "{database}: the server asks for a password, and none was found: no line of {path} is for {wanted}",
    "add that line, with the password at its end",
)
NO_LINE_BUT = Problem(
    "{database}: the server asks for a password, and none was found: "
    "line {line} of {path} would fit but for its {field}",
    "correct the {field} in the URL, or in that line, which must begin with {wanted}",
)

# The locks.
SHARED_SESSIONS = Problem("the database is reached through a pooler that shares sessions", _POOLED)
DATABASE_HELD = Problem("another daemon or migration works on the database", "stop it, and run again")
DATABASE_HELD_BY = Problem(
    "another daemon or migration works on the database: {client}, as the role {role}, from {host}, "
    "server process {process}",
    "stop that program, and run again",
)
LOCK_LOST = Problem(
    "the connection that held the lock of the database is gone", "see the log of the database, and run again"
)
FILE_HELD = Problem("a {holder} holds {path}", "stop that {holder}, or wait for its end")
FILE_HELD_BY = Problem("a {holder}, process {process}, holds {path}", "stop that {holder}, or wait for its end")
