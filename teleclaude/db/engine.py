"""The one engine factory, for SQLite and PostgreSQL, for the daemon and the migration.

A URL is an SQLAlchemy URL, `sqlite:///PATH` or one of libpq's (PostgreSQL manual, section 34.1.1): `postgresql://`,
`postgres://`, `postgresql+asyncpg://`. What libpq calls a parameter stands in the query. Environment variables `PG*`
fill in what the URL leaves open.
"""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from teleclaude.errors import ConfigError, TargetError

URL_FORM = "write it as postgresql://USER@HOST:PORT/DATABASE"

POSTGRESQL_DRIVERS = {"postgresql", "postgres", "postgresql+asyncpg"}
SQLITE_DRIVERS = {"sqlite", "sqlite+aiosqlite"}

DRIVER_PARAMETERS = frozenset(
    {"passfile", "sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword", "sslnegotiation"}
    | {"ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs", "krbsrvname", "gsslib"}
)
"""Parameters that asyncpg understands in a URL as libpq does."""

SERVER_PARAMETERS = {"application_name": "application_name", "fallback_application_name": "application_name"}
"""Parameters that the server understands as settings of the session."""

HARMLESS = frozenset({"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "client_encoding"})
"""Parameters that change nothing here: asyncpg speaks UTF-8 only and leaves keep-alive to the system."""

KNOWN_PARAMETERS = DRIVER_PARAMETERS | HARMLESS | set(SERVER_PARAMETERS) | {"connect_timeout", "options"}

ENVIRONMENT = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "dbname"}
ENVIRONMENT_QUERY = {
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGSSLCRL": "sslcrl",
    "PGAPPNAME": "application_name",
    "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGOPTIONS": "options",
}


def parse_url(text: str, environ: Mapping[str, str] | None = None) -> URL:
    """Return the database that `text` names, with the `PG*` variables of `environ` filled in.

    The password stands in its own place, so that rendering the URL hides it, and so does whatever the query said of
    host, port, user and database. Raises ConfigError where the URL cannot be used.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The parser's own message repeats the URL, password included.
        raise ConfigError("the database URL cannot be read", URL_FORM) from None
    if url.drivername in SQLITE_DRIVERS:
        return url.set(drivername="sqlite+aiosqlite")
    if url.drivername not in POSTGRESQL_DRIVERS:
        raise ConfigError(
            f"the database URL begins with {url.drivername}://, which is neither PostgreSQL nor SQLite",
            URL_FORM,
        )
    return _fill_in(url.set(drivername="postgresql+asyncpg"), environ or {})


def _fill_in(url: URL, environ: Mapping[str, str]) -> URL:
    given = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    given = {
        **{name: environ[variable] for variable, name in ENVIRONMENT_QUERY.items() if environ.get(variable)},
        **given,
    }
    default = {name: environ[variable] for variable, name in ENVIRONMENT.items() if environ.get(variable)}

    def pick(part: str | None, *names: str) -> str | None:
        values = [given.pop(name, None) for name in names]
        return part or next((value for value in values if value), None) or default.get(names[0])

    host = pick(url.host, "host")
    port = pick(str(url.port) if url.port else None, "port")
    user = pick(url.username, "user")
    password = pick(url.password, "password")
    database = pick(url.database, "dbname", "database")
    unknown = sorted(
        set(given) - DRIVER_PARAMETERS - HARMLESS - set(SERVER_PARAMETERS) - {"connect_timeout", "options"}
    )
    if unknown:
        raise ConfigError(f"the database URL has a parameter that is not known here: {unknown[0]}", "leave it out")
    if port is not None and not port.isdigit():
        raise ConfigError(f"the port {port} in the database URL is not a number", "write it as HOST:5432")
    # A socket directory cannot stand before the slash of a URL, so it moves to the query, as libpq has it.
    on_socket = host is not None and host.startswith("/")
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


def display_url(url: URL) -> str:
    """Return `url` for people: with `***` for a password, without our driver's name."""
    shown = url.set(drivername=url.drivername.partition("+")[0]).difference_update_query(["sslpassword"])
    return shown.render_as_string(hide_password=True)


def make_engine(url: URL, *, read_only: bool = False) -> AsyncEngine:
    """Return the asynchronous engine for `url`; a read-only one cannot write, whatever it is asked.

    Raises ConfigError where the URL cannot be used. Nothing is connected yet.
    """
    if url.drivername == "sqlite+aiosqlite":
        return _make_sqlite_engine(url, read_only=read_only)
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=_make_creator(url, read_only=read_only),
        pool_pre_ping=True,
        # Values are never part of a message: they may be secrets.
        hide_parameters=True,
    )


@asynccontextmanager
async def disposing(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Close every connection of the engine at the end of the context."""
    try:
        yield engine
    finally:
        await engine.dispose()


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turn what the drivers raise into TargetError: one sentence that names the database and no password."""
    try:
        yield
    except (OSError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        cause = getattr(error, "orig", None) or error
        cause = cause.__cause__ or cause
        reason = str(cause).strip().partition("\n")[0] or type(cause).__name__
        hint = next((hint for kind, hint in REMEDIES if isinstance(cause, kind)), "see the log of the database")
        raise TargetError(f"{display_url(url)}: {reason}", hint) from error


REMEDIES: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.InvalidAuthorizationSpecificationError, "check the user and the password (PGPASSWORD, ~/.pgpass)"),
    (asyncpg.InvalidCatalogNameError, "create the database, owned by the role that the daemon will use"),
    (asyncpg.InsufficientPrivilegeError, "let the role own the database"),
    (asyncpg.TooManyConnectionsError, "wait until others disconnect, or raise max_connections"),
    (asyncpg.ReadOnlySQLTransactionError, "name the primary server, not a standby"),
    (asyncpg.InterfaceError, "correct the database URL"),
    (OSError, "see that the database server runs, and that host and port are right"),
)


def _make_creator(url: URL, *, read_only: bool) -> Any:
    query = dict(url.query)
    arguments: dict[str, Any] = {"timeout": float(str(query.pop("connect_timeout", 0))) or 60.0}
    settings = {SERVER_PARAMETERS[name]: str(query.pop(name)) for name in SERVER_PARAMETERS if name in query}
    settings.update(parse_options(str(query.pop("options", ""))))
    settings.setdefault("application_name", "teleclaude")
    if read_only:
        settings["default_transaction_read_only"] = "on"
    plain = url.set(
        drivername="postgresql", query={name: value for name, value in query.items() if name not in HARMLESS}
    )
    dsn = plain.render_as_string(hide_password=False)

    async def connect(**passed: Any) -> Any:
        return await asyncpg.connect(dsn, server_settings=settings, **arguments, **passed)

    return connect


def parse_options(options: str) -> dict[str, str]:
    """Return the settings in libpq's `options`, such as `-c work_mem=64MB --jit=off`."""
    words = iter(shlex.split(options))
    pairs = (next(words, "") if word == "-c" else word.removeprefix("-c").removeprefix("--") for word in words)
    return {name: value for name, _, value in (pair.partition("=") for pair in pairs) if name}


def _make_sqlite_engine(url: URL, *, read_only: bool) -> AsyncEngine:
    path = url.database or ""
    target = url.set(database=f"file:{_quote(path)}?mode=ro&uri=true") if read_only and path else url
    engine = create_async_engine(target, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA foreign_keys = ON")
        if not read_only:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    return engine


def make_reader(path: Path) -> Engine:
    """Return a synchronous engine that reads the SQLite file at `path` and never changes a byte of it.

    Text arrives as `str` whatever its bytes are: those that are no UTF-8 become lone surrogates, which no valid text
    has, so that nothing is lost and the rest can still be told apart (PEP 383). A BLOB arrives as `bytes`.
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(f"file:{_quote(str(path))}?mode=ro", uri=True, check_same_thread=False)
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)


def _quote(path: str) -> str:
    """Escape what SQLite's URI file names give a meaning (SQLite manual, "Uniform Resource Identifiers")."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
