"""What the server, the driver or the network says, as one sentence and its remedy. Pure.

A message of the server comes in its own language (`lc_messages`), so a case is told from another by the class of the
error, and by the function of the server that reports it, which has one name in PostgreSQL 15 to 18.
"""

from __future__ import annotations

import os
import re
import socket
import ssl

import asyncpg
from sqlalchemy import URL

from teleclaude.db import problems
from teleclaude.db.url import display_url, sql_name
from teleclaude.errors import Problem

_CASES: tuple[tuple[type[BaseException], str, Problem], ...] = (
    (asyncpg.InvalidPasswordError, "", problems.NOT_LET_IN),
    (asyncpg.InvalidAuthorizationSpecificationError, "InitializeSessionUserId", problems.NO_ROLE),
    (asyncpg.InvalidAuthorizationSpecificationError, "ClientAuthentication", problems.NOT_IN_HBA),
    (asyncpg.InvalidAuthorizationSpecificationError, "auth_failed", problems.OTHER_METHOD),
    (asyncpg.InvalidAuthorizationSpecificationError, "", problems.NOT_LET_IN),
    (asyncpg.InvalidCatalogNameError, "", problems.NO_DATABASE),
    (asyncpg.ObjectNotInPrerequisiteStateError, "CheckMyDatabase", problems.CLOSED_DATABASE),
    (asyncpg.InsufficientPrivilegeError, "CheckMyDatabase", problems.MAY_NOT_CONNECT),
    (asyncpg.InsufficientPrivilegeError, "", problems.NOT_ALLOWED),
    (asyncpg.TooManyConnectionsError, "InitializeSessionUserId", problems.TOO_MANY_OF_ROLE),
    (asyncpg.TooManyConnectionsError, "CheckMyDatabase", problems.TOO_MANY_IN_DATABASE),
    (asyncpg.TooManyConnectionsError, "", problems.TOO_MANY_CONNECTIONS),
    (asyncpg.CannotConnectNowError, "", problems.NOT_READY),
    (asyncpg.AdminShutdownError, "", problems.NOT_READY),
    (asyncpg.CrashShutdownError, "", problems.NOT_READY),
    (asyncpg.ReadOnlySQLTransactionError, "", problems.READ_ONLY),
    (asyncpg.ProtocolViolationError, "", problems.PROTOCOL),
    (asyncpg.DuplicatePreparedStatementError, "", problems.STATEMENT_SHARED),
    (asyncpg.InvalidSQLStatementNameError, "", problems.STATEMENT_SHARED),
    (asyncpg.ConnectionDoesNotExistError, "", problems.NOT_POSTGRESQL),
    (asyncpg.InterfaceError, "", problems.WRONG_ARGUMENT),
    (ssl.SSLError, "", problems.TLS),
    (socket.gaierror, "", problems.NO_HOST),
    (TimeoutError, "", problems.NO_ANSWER),
    (FileNotFoundError, "", problems.NO_SOCKET),
    (OSError, "", problems.NOT_REACHED),
)
"""The first that fits is taken; an empty name is every function of the server."""

_DETAIL_CLASSES = ("08", "28", "2B", "3D", "3F", "40", "42", "53", "55", "57", "58")
"""Classes of errors whose DETAIL names objects of the database, and no value of a row (PostgreSQL manual, appendix A).

The detail of a constraint or of a wrong value quotes the row.
"""


def explain(url: URL, cause: BaseException) -> Problem:
    """Return the sentence and the remedy for an error of the driver, without a password."""
    words = {
        "database": display_url(url),
        "said": _tell(cause),
        "host": url.host or url.query.get("host") or "localhost",
        "role": sql_name(url.username or ""),
        "name": sql_name(url.database or ""),
    }
    problem = _find(cause)
    hint = getattr(cause, "hint", None)
    # A hint of PostgreSQL knows the case; where a statement is shared, the driver adds a long one of its own.
    if hint and problem is not problems.STATEMENT_SHARED:
        return problems.SAID.fill(**words, hint=" ".join(hint.split()))
    return problem.fill(**words)


def _find(cause: BaseException) -> Problem:
    if isinstance(cause, ConnectionError) and "rejected SSL upgrade" in str(cause):
        return problems.NO_TLS
    if isinstance(cause, ConnectionError) and "unexpected connection_lost()" in str(cause):
        return problems.NOT_POSTGRESQL
    function = getattr(cause, "server_source_function", None)
    return next(
        (problem for kind, name, problem in _CASES if isinstance(cause, kind) and name in ("", function)),
        problems.SEE_LOG,
    )


def _tell(cause: BaseException) -> str:
    said = str(cause).strip().partition("\n")[0]
    if "Connect call failed" in said:
        # asyncio repeats the error for every address of the host.
        return ", ".join(sorted({os.strerror(int(number)) for number in re.findall(r"\[Errno (\d+)\]", said)}))
    # asyncpg's message about an argument quotes the value.
    said = re.sub(r"\[Errno -?\d+\] ", "", said).partition("query argument")[0] or type(cause).__name__
    detail = getattr(cause, "detail", None)
    if detail and str(getattr(cause, "sqlstate", "")).startswith(_DETAIL_CLASSES):
        return f"{said} ({' '.join(detail.split())})"
    return said
