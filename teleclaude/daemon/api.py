"""From a request to its answer: the caller, the role, the turn, the input; or a refusal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy.exc import DBAPIError

from teleclaude.daemon import problems
from teleclaude.daemon.answering import CALLER_LEFT, REQUEST_SECONDS, SHORT, Asked, check_role, respond
from teleclaude.daemon.budget import Budget, Share
from teleclaude.daemon.connection import Connection, make_refusal
from teleclaude.daemon.identity import Caller, read_account
from teleclaude.daemon.logs import Seldom
from teleclaude.daemon.route import Input, Route
from teleclaude.daemon.routes import COMPARED, ROUTES
from teleclaude.daemon.service import DATABASE_ERRORS, Service
from teleclaude.errors import RequestError
from teleclaude.printable import printable

_LOG = logging.getLogger(__name__)

_CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)
_DEADLINE: web.RequestKey[asyncio.Timeout] = web.RequestKey("deadline", asyncio.Timeout)

MOST_BYTES = 1024 * 1024
"""The longest body; a longer one is refused before it is read."""

_OBJECTS = 16
"""How much longer than its text a long body may be when it is read: an empty object takes three bytes of text."""

TURNS = 8
"""How many requests of one account are answered at a time; more wait, so that no account takes all connections."""

_Turns = defaultdict[tuple[int, str | None], asyncio.Semaphore]
"""By account, and the route where it has turns of its own."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BY_STATUS = {404: problems.NO_ROUTE, 405: problems.NO_METHOD, 413: problems.BODY_TOO_LONG}
"""The problems that aiohttp finds by itself."""


def make_app(service: Service) -> web.Application:
    """Return the application that answers for `service`."""
    turns = _Turns(lambda: asyncio.Semaphore(TURNS))
    budget, seldom = Budget(), Seldom()

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(REQUEST_SECONDS) as deadline:
                request[_DEADLINE] = deadline
                request[_CALLER] = await _find_caller(service, request)
                response = await handler(request)
        except Exception as error:
            response = _refuse(_to_refusal(error), error)
            if request.writer.output_size and request.transport is not None:
                # A part of the answer is written: without its end it must not look whole.
                request.transport.abort()
        # One connection, one request: so the limits of a connection are those of a request.
        response.force_close()
        # Whoever nobody knows shall not fill the log.
        if _CALLER in request or seldom.may("a caller is unknown"):
            _note(request, response.status, time.monotonic() - begun)
        return response

    app = web.Application(middlewares=[guard], client_max_size=MOST_BYTES)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _to_handler(service, route, turns, budget))
    return app


async def _find_caller(service: Service, request: web.Request) -> Caller:
    """Return who calls; raises RequestError (403)."""
    connection = request.protocol
    assert isinstance(connection, Connection)
    # Accounts may come from a server elsewhere, which may be slow.
    account = await asyncio.to_thread(read_account, connection.uid)
    caller = service.identify(account, request.headers)
    # An account may have been made after the daemon began.
    connection.gate.roles.setdefault(caller.uid, caller.role)
    return caller


def _to_handler(service: Service, route: Route[Any], turns: _Turns, budget: Budget) -> _Handler:
    """Return what aiohttp calls for a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = request[_CALLER]
        async with turns[caller.uid, route.path if route.apart else None]:
            with budget.sharing() as share:
                check_role(route, caller)
                given = await _read_input(route, request, share)
                asked = Asked(service, route, given, caller, request.headers, share)
                return await respond(asked, request, request[_DEADLINE])

    return handle


async def _read_input(route: Route[Any], request: web.Request, share: Share) -> Input:
    """Return what a request says, checked; raises RequestError (400) that names the field and not its value."""
    fields = route.input.model_fields
    said: Any = {name: value for name, value in request.query.items() if name in fields}
    # Clients of the single-user daemon may send parameters that are not known here.
    if f"{route.method} {route.path}" not in COMPARED and (unknown := sorted({*request.query} - {*fields})):
        raise RequestError(400, problems.UNKNOWN_PARAMETERS.fill(names=", ".join(map(printable, unknown[:5]))))
    if route.takes_body:
        body = await _read_body(request)
        if len(body) > SHORT:
            await share.grow(len(body) * _OBJECTS)
        try:
            said = from_json(body, allow_inf_nan=False)
        except ValueError as error:
            raise RequestError(400, problems.NOT_JSON.fill(reason=error)) from None
        if not isinstance(said, dict):
            raise RequestError(400, problems.NO_JSON_OBJECT)
    try:
        given: Input = route.input.model_validate({**said, **request.match_info})
    except RecursionError:
        raise RequestError(400, problems.NESTED_TOO_DEEP) from None
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[:5]
        named = (f"{'.'.join(map(str, part['loc'])) or 'the request'}: {part['msg']}" for part in wrong)
        raise RequestError(400, problems.FIELDS_WRONG.fill(fields="; ".join(named))) from None
    return given


async def _read_body(request: web.Request) -> bytes:
    """Return the body; raises RequestError where it is not whole, or not as HTTP has it."""
    try:
        return await request.read()
    except ConnectionError:
        raise RequestError(CALLER_LEFT, problems.BROKEN_OFF) from None
    except web.RequestPayloadError:
        raise RequestError(400, problems.NOT_HTTP) from None


def _to_refusal(error: Exception) -> RequestError:
    """Return the refusal that a caller is told for an error."""
    match error:
        case RequestError():
            return error
        case web.HTTPException():
            problem = _BY_STATUS.get(error.status, problems.HTTP_SAID)
            return RequestError(error.status, problem.fill(most=MOST_BYTES, reason=error.reason))
        case TimeoutError():
            return RequestError(504, problems.TOO_SLOW.fill(seconds=REQUEST_SECONDS))
        case _ if _cannot_be_held(error):
            return RequestError(400, problems.VALUE_NOT_HELD)
        case _ if isinstance(error, DATABASE_ERRORS):
            return RequestError(503, problems.UNREACHABLE)
        case _:
            return RequestError(500, problems.DAEMON_BUG)


def _cannot_be_held(error: Exception) -> bool:
    """Whether the database did not take a value.

    SQLite's driver raises errors of Python for a text that is no Unicode and for a number that is too large.
    """
    if isinstance(error, DBAPIError):
        return str(getattr(error.orig, "sqlstate", "")).startswith("22")
    return isinstance(error, UnicodeEncodeError | OverflowError)


def _refuse(refusal: RequestError, cause: Exception) -> web.Response:
    """Return the answer of a refusal; an error that is not the caller's fault is logged."""
    if refusal.status >= 500 and cause is not refusal:
        _LOG.error("request failed", exc_info=cause)
    headers = {"Allow": cause.headers["Allow"]} if isinstance(cause, web.HTTPMethodNotAllowed) else {}
    if refusal.status == 503:
        headers["Retry-After"] = "1"
    return make_refusal(refusal.status, refusal.problem, headers)


def _note(request: web.Request, status: int, seconds: float) -> None:
    """Log the route of a request, and nothing that the caller sent."""
    level = logging.DEBUG if status < 400 else logging.INFO
    if _LOG.isEnabledFor(level):
        resource = request.match_info.route.resource
        connection, caller = request.protocol, request.get(_CALLER)
        assert isinstance(connection, Connection)
        route = resource.canonical if resource else None
        fields = {"method": request.method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        fields |= {"uid": connection.uid, "person": caller and caller.person}
        _LOG.log(level, "request", extra={"fields": fields})
