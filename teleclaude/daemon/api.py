"""How a request becomes an answer: who calls, whether they may, what they ask, in one transaction, or one sentence."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
from aiohttp import web
from pydantic import ValidationError
from pydantic_core import from_json
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon.connection import Connection, make_failure
from teleclaude.daemon.identity import Caller, narrow, read_account
from teleclaude.daemon.route import Call, Input, Route
from teleclaude.daemon.routes import ROUTES
from teleclaude.daemon.service import Service
from teleclaude.db.store.tokens import find_token
from teleclaude.errors import RequestError

LOG = logging.getLogger(__name__)

_CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)

MOST_BYTES = 1024 * 1024
"""The longest body; a longer one is refused before it is read."""

REQUEST_SECONDS = 30
"""How long an answer may take to be made."""

TURNS = 8
"""How many requests of one account are worked on at a time; the others wait, so that nobody takes all connections."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_SENTENCES = {
    404: ("there is no such route", "GET /openapi.json lists all of them"),
    405: ("this route is not asked in this way", "GET /openapi.json lists all of them"),
    413: (f"the body is longer than {MOST_BYTES} bytes", "send less"),
}
"""What aiohttp refuses by itself, in our words."""

_UNREACHABLE = RequestError(
    503, "the database cannot be reached", "try again; if it stays, see the log of the database"
)


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
        # One connection, one request: what a connection may take is bounded as a whole.
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
        # Not before the body is there, which may take its time.
        await service.confirm()
        async with Orm(service.engine, expire_on_commit=False) as orm:
            caller = await _narrow_by_token(orm, caller, request.headers)
            _check_role(route, caller)
            viewer = service.view(caller, request.headers)
            session_id = request.headers.get("X-Caller-Session-Id")
            answer = await route.handler(Call(service, caller, viewer, orm, given, session_id))
            await orm.commit()
        return web.Response(
            body=route.adapter.dump_json(answer), status=route.status, content_type="application/json", charset="utf-8"
        )

    return handle


def _check_role(route: Route[Any], caller: Caller) -> None:
    """Raise RequestError (403) where a caller's role may not ask a route."""
    if caller.role not in route.roles:
        sentence = f"{caller.person} is {caller.role} here, which may not {route.method} {route.path}"
        raise RequestError(403, sentence, "ask an administrator")


async def _narrow_by_token(orm: Orm, caller: Caller, headers: Mapping[str, str]) -> Caller:
    """Return the caller with no more rights than its token has, where it sends one; raises RequestError (401)."""
    token = headers.get("X-Session-Token")
    if token is None:
        return caller
    found = await find_token(orm, token.replace("\0", ""))
    if found is None:
        raise RequestError(401, "this session token is not valid, or not any more", "leave it out, or get a new one")
    return narrow(caller, found.role)


async def _read_input(route: Route[Any], request: web.Request) -> Input:
    """Return what a request says, checked; raises RequestError (400) that names the field and not its value."""
    fields = route.input.model_fields
    said: Any = {name: value for name, value in request.query.items() if name in fields}
    if route.takes_body:
        try:
            said = from_json(await request.read(), allow_inf_nan=False)
        except ValueError as error:
            raise RequestError(400, f"the body is not JSON: {error}", "send a JSON object in UTF-8") from None
        if not isinstance(said, dict):
            raise RequestError(400, "the body is no JSON object", "send a JSON object in UTF-8")
    try:
        given: Input = route.input.model_validate({**said, **request.match_info})
    except (ValidationError, RecursionError) as error:
        raise RequestError(400, _describe_wrong(error), "GET /openapi.json says what is taken") from None
    return given


def _describe_wrong(error: ValidationError | RecursionError) -> str:
    """Return what is wrong with the input in one sentence, without its values."""
    if isinstance(error, RecursionError):
        return "the body is nested too deep"
    parts = error.errors(include_input=False, include_url=False)[:5]
    return "; ".join(f"{'.'.join(map(str, part['loc'])) or 'the request'}: {part['msg']}" for part in parts)


def _to_refusal(error: Exception) -> RequestError:
    """Return what is told a caller about an error, in one sentence."""
    match error:
        case RequestError():
            return error
        case web.HTTPException():
            sentence, hint = _SENTENCES.get(error.status, (error.reason, "GET /openapi.json says what is taken"))
            return RequestError(error.status, sentence, hint)
        case TimeoutError():
            return RequestError(504, f"the answer took longer than {REQUEST_SECONDS} seconds", "ask for less")
        case _ if _cannot_be_held(error):
            return RequestError(400, "the database cannot hold a value of the request", "leave it out")
        case SQLAlchemyError() | OSError() | asyncpg.InterfaceError() | asyncpg.PostgresError():
            return _UNREACHABLE
        case _:
            return RequestError(500, "the daemon failed at this, which is a bug", "see its log, and report it")


def _cannot_be_held(error: Exception) -> bool:
    """Whether it is a value that the database did not take.

    SQLite's driver has no errors of its own for a text that is no Unicode, and for too large a number.
    """
    if isinstance(error, DBAPIError):
        return str(getattr(error.orig, "sqlstate", "")).startswith("22")
    return isinstance(error, UnicodeEncodeError | OverflowError)


def _refuse(refusal: RequestError, cause: Exception) -> web.Response:
    """Return the answer of a refusal; what is not the caller's fault is logged."""
    if refusal.status >= 500 and cause is not refusal:
        LOG.error("request failed", exc_info=cause)
    headers = {"Allow": cause.headers["Allow"]} if isinstance(cause, web.HTTPMethodNotAllowed) else {}
    if refusal.status == 503:
        headers["Retry-After"] = "1"
    return make_failure(refusal.status, refusal.message, refusal.hint, headers)


def _note(request: web.Request, status: int, seconds: float) -> None:
    """Log a request by its route, never by what it holds."""
    level = logging.DEBUG if status < 400 else logging.INFO
    if LOG.isEnabledFor(level):
        resource = request.match_info.route.resource
        connection, caller = request.protocol, request.get(_CALLER)
        assert isinstance(connection, Connection)
        fields: dict[str, Any] = {
            "method": request.method,
            "route": resource.canonical if resource else None,
            "status": status,
        }
        fields |= {"ms": round(seconds * 1000, 1), "uid": connection.uid, "person": caller and caller.person}
        LOG.log(level, "request", extra={"fields": fields})
