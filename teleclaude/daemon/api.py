"""From a request to its answer: the caller, the role, the input, one transaction; or a refusal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon import problems
from teleclaude.daemon.connection import Connection, make_refusal
from teleclaude.daemon.identity import Caller, narrow, read_account
from teleclaude.daemon.route import Call, Input, Route
from teleclaude.daemon.routes import ROUTES
from teleclaude.daemon.service import DATABASE_ERRORS, Service
from teleclaude.db.store.viewers import find_token
from teleclaude.errors import RequestError

_LOG = logging.getLogger(__name__)

_CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)

MOST_BYTES = 1024 * 1024
"""The longest body; a longer one is refused before it is read."""

REQUEST_SECONDS = 30
"""How long an answer may take to be made."""

TURNS = 8
"""How many requests of one account are answered at a time; more wait, so that no account takes all connections."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_BY_STATUS = {404: problems.NO_ROUTE, 405: problems.NO_METHOD, 413: problems.BODY_TOO_LONG}
"""The problems that aiohttp finds by itself."""


def make_app(service: Service) -> web.Application:
    """Return the application that answers for `service`."""
    turns: defaultdict[int, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(TURNS))

    @web.middleware
    async def guard(request: web.Request, handler: _Handler) -> web.StreamResponse:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                caller = await _find_caller(service, request)
                request[_CALLER] = caller
                async with turns[caller.uid]:
                    response = await handler(request)
        except Exception as error:
            response = _refuse(_to_refusal(error), error)
        # One connection, one request: so the limits of a connection are those of a request.
        response.force_close()
        _note(request, response.status, time.monotonic() - begun)
        return response

    app = web.Application(middlewares=[guard], client_max_size=MOST_BYTES)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _to_handler(service, route))
    return app


async def _find_caller(service: Service, request: web.Request) -> Caller:
    """Return who calls; raises RequestError (403)."""
    connection = request.protocol
    assert isinstance(connection, Connection)
    # Accounts may come from a server elsewhere, which may be slow.
    return service.identify(await asyncio.to_thread(read_account, connection.uid), request.headers)


def _to_handler(service: Service, route: Route[Any]) -> _Handler:
    """Return what aiohttp calls for a route."""

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = request[_CALLER]
        _check_role(route, caller)
        given = await _read_input(route, request)
        # The body may take its time, so the lock is checked after it.
        await service.confirm()
        async with Orm(service.engine, expire_on_commit=False) as orm:
            caller = await _narrow_by_token(orm, caller, request.headers)
            _check_role(route, caller)
            viewer = service.view(caller, request.headers)
            session_id = request.headers.get("X-Caller-Session-Id")
            call = Call(service, caller, viewer, orm, given, session_id)
            answer = await route.handler(call)
            body = route.adapter.dump_json(route.adapter.validate_python(answer))
            await orm.commit()
        headers = {**call.headers, "Content-Type": "application/json; charset=utf-8"}
        return web.Response(body=body, status=route.status, headers=headers)

    return handle


def _check_role(route: Route[Any], caller: Caller) -> None:
    """Raise RequestError (403) where a caller's role may not ask a route."""
    if caller.role not in route.roles:
        asked = {"method": route.method, "path": route.path}
        raise RequestError(403, problems.ROLE_MAY_NOT.fill(person=caller.person, role=caller.role, **asked))


async def _narrow_by_token(orm: Orm, caller: Caller, headers: Mapping[str, str]) -> Caller:
    """Return the caller with no more rights than its token has, where it sends one; raises RequestError (401)."""
    token = headers.get("X-Session-Token")
    if token is None:
        return caller
    found = await find_token(orm, token.replace("\0", ""))
    if found is None:
        raise RequestError(401, problems.TOKEN_NOT_VALID)
    return narrow(caller, found.role)


async def _read_input(route: Route[Any], request: web.Request) -> Input:
    """Return what a request says, checked; raises RequestError (400) that names the field and not its value."""
    fields = route.input.model_fields
    said: Any = {name: value for name, value in request.query.items() if name in fields}
    if route.takes_body:
        try:
            said = from_json(await request.read(), allow_inf_nan=False)
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
