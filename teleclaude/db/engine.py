"""The one engine factory, for SQLite and PostgreSQL, for the daemon and the migration."""

from __future__ import annotations

import errno
import json
import sqlite3
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from teleclaude.db.keepalive import keep_alive
from teleclaude.db.server_errors import explain
from teleclaude.db.url import OURS, SERVER_PARAMETERS, parse_options, read_keepalive
from teleclaude.errors import TargetError


def make_engine(url: URL, *, read_only: bool = False) -> AsyncEngine:
    """Return the asynchronous engine for `url`; a read-only one cannot write.

    Raises ConfigError where the URL cannot be used. Nothing is connected yet.
    """
    if url.drivername == "sqlite+aiosqlite":
        return _make_sqlite_engine(url, read_only=read_only)
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=_make_creator(url, read_only=read_only),
        pool_pre_ping=True,
        # Connections beyond the pool are closed after each use; to open one costs more than most queries.
        pool_size=10,
        max_overflow=5,
        json_deserializer=_read_json,
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
    """Turn the errors of the drivers into TargetError: one sentence with the database and without its password."""
    try:
        yield
    except (OSError, UnicodeError, DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # An error of a file is none of the connection.
        if isinstance(error, OSError) and (error.filename or error.errno in _OUR_DISK):
            raise
        raise TargetError(explain(url, find_cause(error))) from error


def find_cause(error: BaseException) -> BaseException:
    """Return the error of the driver behind one of SQLAlchemy, which wraps it twice."""
    cause = getattr(error, "orig", None) or error
    return cause.__cause__ if isinstance(cause.__cause__, asyncpg.PostgresError | asyncpg.InterfaceError) else cause


_CLOSE_SECONDS = 2.0
"""How long the server may take to confirm the end of a connection."""

_OUR_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
"""Errors of a local disk, not of a connection."""

_SESSION = "; ".join(
    f"SET {name} = {value}"
    for name, value in {
        "standard_conforming_strings": "on",
        "transform_null_equals": "off",
        "array_nulls": "on",
        "exit_on_error": "off",
        "gin_fuzzy_search_limit": "0",
        "default_transaction_isolation": "'read committed'",
        "DateStyle": "ISO",
        "IntervalStyle": "postgres",
        "bytea_output": "hex",
        "extra_float_digits": "1",
        "quote_all_identifiers": "off",
    }.items()
)
"""What changes the meaning of our statements and their results, as PostgreSQL has it by default.

A role or a database may have another value (PostgreSQL manual, ALTER ROLE), and any client may set these.
"""


def _read_json(text: str) -> Any:
    """Return a document; where Python cannot hold it (too deep, too many digits), its text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class _Connection(asyncpg.Connection):
    """A connection whose end is never waited for longer than a moment: a silent server does not confirm it."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the name is asyncpg's
        """Close; what is not confirmed in time is cut off."""
        with suppress(TimeoutError):
            await super().close(timeout=timeout or _CLOSE_SECONDS)


def _make_creator(url: URL, *, read_only: bool) -> Any:
    query = dict(url.query)
    arguments: dict[str, Any] = {"timeout": float(str(query.pop("connect_timeout", 0))) or 60.0}
    settings = {SERVER_PARAMETERS[name]: str(query.pop(name)) for name in SERVER_PARAMETERS if name in query}
    settings.update(parse_options(str(query.pop("options", ""))))
    settings.setdefault("application_name", "teleclaude")
    keepalive = read_keepalive(url)
    trusts_system = query.get("sslrootcert") == "system"
    # asyncpg would take "system" for the name of a file.
    hidden = OURS | {"sslmode", "sslrootcert"} if trusts_system else OURS
    plain = url.set(drivername="postgresql", query=query).difference_update_query(hidden)
    dsn = plain.render_as_string(hide_password=False)

    async def connect(**passed: Any) -> Any:
        trust: dict[str, Any] = {"ssl": _trust_system(query)} if trusts_system else {}
        connection = await asyncpg.connect(
            dsn, server_settings=settings, connection_class=_Connection, **arguments, **trust, **passed
        )
        await keep_alive(connection, keepalive, settings)
        # A pooler refuses or ignores these as parameters of the connection.
        chosen = f"{_SESSION}; SET default_transaction_read_only = on" if read_only else _SESSION
        await connection.execute(chosen, timeout=arguments["timeout"])
        return connection

    return connect


def _trust_system(query: Mapping[str, Any]) -> ssl.SSLContext:
    """Return a context that trusts the system's certificates and compares the host name (`sslrootcert=system`)."""
    context = ssl.create_default_context()
    if "sslcert" in query:
        context.load_cert_chain(query["sslcert"], query.get("sslkey"), lambda: str(query.get("sslpassword", "")))
    return context


_SKIP_UNKNOWN = "PRAGMA writable_schema = ON"
"""Lets a connection skip what it does not understand in the schema (SQLite source, main.c, SQLITE_NoSchemaError).
A connection that only reads cannot write to the schema."""


def _make_sqlite_engine(url: URL, *, read_only: bool) -> AsyncEngine:
    path = url.database or ""
    only_reading = url.set(database=f"file:{_quote(path)}", query={"mode": "ro", "uri": "true"})
    target = only_reading if read_only and path else url
    engine = create_async_engine(target, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA foreign_keys = ON")
        if read_only:
            cursor.execute(_SKIP_UNKNOWN)
        else:
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    return engine


def make_reader(
    path: Path, functions: Mapping[str, Callable[..., Any]] | None = None, collations: Collection[str] = ()
) -> Engine:
    """Return a synchronous engine that reads the SQLite file at `path` and never changes a byte of it.

    Text arrives as `str`: bytes that are no UTF-8 become lone surrogates, which no valid text has, so that nothing
    is lost (PEP 383). A BLOB arrives as `bytes`.

    What the schema holds that this SQLite does not understand is passed over, so that the rest can be read.
    `functions` are those that queries may call besides SQLite's own: pure, and of two arguments. Each of `collations`
    lets a table be read in whose key an unknown order of text is; it compares code points.
    """

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(f"file:{_quote(str(path))}?mode=ro", uri=True, check_same_thread=False)
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        for name, function in (functions or {}).items():
            connection.create_function(name, 2, function, deterministic=True)
        for name in collations:
            connection.create_collation(name, lambda one, other: (one > other) - (one < other))
        connection.execute(_SKIP_UNKNOWN)
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)


def _quote(path: str) -> str:
    """Escape what SQLite's URI file names give a meaning (SQLite manual, "Uniform Resource Identifiers")."""
    return path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
