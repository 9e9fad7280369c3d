"""Database URLs: an SQLAlchemy URL for SQLite, libpq's for PostgreSQL. Pure.

`postgresql://`, `postgres://` and `postgresql+asyncpg://` are accepted (PostgreSQL manual, section 34.1.1). What libpq
calls a parameter is in the query. All environment variables `PG*` fill in what the URL leaves open, so that the
driver has nothing to fill in: the published URL is the one that was used.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from teleclaude.db import problems
from teleclaude.errors import ConfigError

_POSTGRESQL_DRIVERS = {"postgresql", "postgres", "postgresql+asyncpg"}
_SQLITE_DRIVERS = {"sqlite", "sqlite+aiosqlite"}

_DRIVER_PARAMETERS = frozenset(
    {"passfile", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "krbsrvname", "gsslib"}
)
"""Parameters that asyncpg understands in a URL as libpq does."""

SERVER_PARAMETERS = {"application_name": "application_name", "fallback_application_name": "application_name"}
"""Parameters that the server understands as settings of the session."""

KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000}
"""When a connection counts as dead: seconds of silence, seconds between probes, probes, milliseconds without an
acknowledgement. libpq's names and units (PostgreSQL manual, section 34.1.2); 0 leaves it to the system."""

OURS = frozenset({*KEEPALIVE, "keepalives", "client_encoding"})
"""Parameters that asyncpg does not know: it speaks UTF-8 only, and `keepalive` sets the others."""

_NUMBERS = (*KEEPALIVE, "keepalives", "connect_timeout")
_KNOWN_PARAMETERS = _DRIVER_PARAMETERS | OURS | set(SERVER_PARAMETERS) | {"connect_timeout", "options"}

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

_HAS_SECOND_AT = re.compile(r"[^:]+://[^:/]*:[^@]*@.*@", re.DOTALL)
"""A URL with a password and an @ beyond the one that ends it."""

ENVIRONMENT = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
ENVIRONMENT_QUERY = {
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGSSLCRL": "sslcrl",
    "PGSSLNEGOTIATION": "sslnegotiation",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGKRBSRVNAME": "krbsrvname",
    "PGGSSLIB": "gsslib",
    "PGPASSFILE": "passfile",
    "PGAPPNAME": "application_name",
    "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGOPTIONS": "options",
}


def parse_url(text: str, environ: Mapping[str, str] | None = None) -> URL:
    """Return the database that `text` names, with the `PG*` variables of `environ` filled in.

    Host, port, user, password and database move from the query to their own places, where rendering hides the
    password. Raises ConfigError where the URL cannot be used.
    """
    if _HAS_SECOND_AT.match(text):
        # What follows the first @ would be read as host and database, and shown.
        raise ConfigError(problems.SECOND_AT)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The parser's own message repeats the URL, password included.
        raise ConfigError(problems.UNREADABLE_URL) from None
    if url.drivername in _SQLITE_DRIVERS:
        return url.set(drivername="sqlite+aiosqlite")
    if url.drivername not in _POSTGRESQL_DRIVERS:
        raise ConfigError(problems.UNKNOWN_SCHEME.fill(scheme=url.drivername))
    return _fill_in(url.set(drivername="postgresql+asyncpg"), environ or {})


def _fill_in(url: URL, environ: Mapping[str, str]) -> URL:
    given = {name: environ[variable] for variable, name in ENVIRONMENT_QUERY.items() if environ.get(variable)}
    given |= {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    default = {name: environ[variable] for variable, name in ENVIRONMENT.items() if environ.get(variable)}

    def pick(part: str | None, *names: str) -> str | None:
        values = [given.pop(name, None) for name in names]
        return part or next((value for value in values if value), None) or default.get(names[0])

    host = pick(url.host, "host")
    port = pick(str(url.port) if url.port else None, "port")
    user = pick(url.username, "user")
    password = pick(url.password, "password")
    database = pick(url.database, "dbname", "database")
    unknown = sorted(set(given) - _KNOWN_PARAMETERS)
    if unknown and "password" in url.query:
        # It may be the rest of a password with an & in it.
        raise ConfigError(problems.PASSWORD_CUT)
    if unknown:
        raise ConfigError(problems.UNKNOWN_PARAMETER.fill(name=unknown[0]))
    if port is not None and not (port.isdigit() and int(port) < 65536):
        raise ConfigError(problems.NO_PORT.fill(port=port))
    on_socket = host is not None and host.startswith("/")
    _check_values(given)
    _check_tls(given, on_socket=on_socket)
    # A socket directory cannot be the host of a URL, so it moves to the query, as with libpq.
    query = {**given, "host": host} if on_socket and host else given
    return URL.create(
        url.drivername,
        username=user,
        password=password,
        host=None if on_socket else host,
        port=None if on_socket or port is None else int(port),
        database=database or user,
        query={**query, "port": port} if on_socket and port else query,
    )


def _check_values(given: Mapping[str, str]) -> None:
    wrong = next((name for name in _NUMBERS if not given.get(name, "0").isdigit()), None)
    if wrong:
        raise ConfigError(problems.NO_NUMBER.fill(name=wrong))
    try:
        parse_options(given.get("options", ""))
    except ValueError:
        raise ConfigError(problems.OPEN_QUOTE) from None


def _check_tls(given: dict[str, str], *, on_socket: bool) -> None:
    """Refuse what libpq refuses, and set its defaults (PostgreSQL manual, section 34.19)."""
    if on_socket:
        # TLS is not used on a Unix socket.
        for name in [name for name in given if name.startswith("ssl")]:
            del given[name]
    system = given.get("sslrootcert") == "system"
    mode = given.get("sslmode", "verify-full" if system else "prefer")
    if mode not in SSL_MODES:
        raise ConfigError(problems.UNKNOWN_SSLMODE.fill(mode=mode, known=", ".join(SSL_MODES)))
    if system and mode != "verify-full":
        raise ConfigError(problems.WEAK_SSLMODE.fill(mode=mode))
    if system:
        given["sslmode"] = mode


def display_url(url: URL) -> str:
    """Return `url` as it is shown: `***` for a password, without the driver's name."""
    shown = url.set(drivername=url.drivername.partition("+")[0]).difference_update_query(["sslpassword"])
    return shown.render_as_string(hide_password=True)


def sql_name(name: str) -> str:
    """Return `name` as it is written in SQL for people: quoted where it must be."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def read_keepalive(url: URL) -> dict[str, int]:
    """Return when a connection of `url` counts as dead, under libpq's names; nothing with `keepalives=0`."""
    if url.query.get("keepalives") == "0":
        return {}
    return {name: int(str(url.query.get(name, value))) for name, value in KEEPALIVE.items()}


def parse_options(options: str) -> dict[str, str]:
    """Return the settings in libpq's `options`, such as `-c work_mem=64MB --jit=off`."""
    words = iter(shlex.split(options))
    pairs = (next(words, "") if word == "-c" else word.removeprefix("-c").removeprefix("--") for word in words)
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs) if name}
