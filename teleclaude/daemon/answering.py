"""The answer to a request, made and written in parts, so that a long list takes no more memory than a part of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon import problems
from teleclaude.daemon.budget import Share
from teleclaude.daemon.identity import Caller, narrow
from teleclaude.daemon.route import ROOM, Call, Input, Part, Route
from teleclaude.daemon.service import Service
from teleclaude.db.store.lengths import TooLittleRoomError
from teleclaude.db.store.viewers import find_token
from teleclaude.errors import RequestError

REQUEST_SECONDS = 30
"""How long an answer, or a part of it, may take to be made."""

SHORT = 64 * 1024
"""In bytes: an answer that is longer keeps the turn of its account until it is written."""

_EMPTY = b"[]"

_JSON = {"Content-Type": "application/json; charset=utf-8"}

CALLER_LEFT = 499
"""The status that is logged where the caller closes the connection before the end; nobody is told it."""


@dataclass(frozen=True)
class Asked:
    """A request that was read, and its share of the memory."""

    service: Service
    route: Route[Any]
    given: Input
    caller: Caller
    headers: Mapping[str, str]
    share: Share
    answered: dict[str, str] = field(default_factory=dict)
    """Headers of the answer that its handler wants."""


def check_role(route: Route[Any], caller: Caller) -> None:
    """Raise RequestError (403) where a caller's role may not ask a route."""
    if caller.role not in route.roles:
        asked = {"method": route.method, "path": route.path}
        raise RequestError(403, problems.ROLE_MAY_NOT.fill(person=caller.person, role=caller.role, **asked))


async def respond(asked: Asked, request: web.Request, deadline: asyncio.Timeout) -> web.StreamResponse:
    """Return the answer: not yet written where it is short, else written, part by part.

    `deadline` is for the making; a caller who reads slowly is cut off by its connection.
    """
    body, place = await _make(asked, None)
    if place is None and len(body) <= SHORT:
        return web.Response(body=body, status=asked.route.status, headers={**asked.answered, **_JSON})
    response = web.StreamResponse(status=asked.route.status, headers={**asked.answered, **_JSON})
    response.content_length = len(body) if place is None else None
    response.force_close()
    with _writing(deadline):
        await response.prepare(request)
        await _write(response, body if place is None else body[:-1])
    begun = body != _EMPTY
    while place is not None:
        asked.share.resize(0)
        body, place = await _make(asked, place)
        with _writing(deadline):
            await _write(response, b"," if begun and body != _EMPTY else b"")
            await _write(response, body[1:] if place is None else body[1:-1])
        begun = begun or body != _EMPTY
    with _writing(deadline):
        await response.write_eof()
    return response


@contextmanager
def _writing(deadline: asyncio.Timeout) -> Iterator[None]:
    """Write for as long as the caller's connection lasts, and then begin to count the time of the next part.

    Raises RequestError where the caller closes it.
    """
    deadline.reschedule(None)
    try:
        yield
    except ConnectionError:
        raise RequestError(CALLER_LEFT, problems.BROKEN_OFF) from None
    deadline.reschedule(asyncio.get_running_loop().time() + REQUEST_SECONDS)


async def _write(response: web.StreamResponse, body: bytes) -> None:
    """Write as fast as the caller reads."""
    for start in range(0, len(body), SHORT):
        await response.write(body[start : start + SHORT])


async def _make(asked: Asked, place: Any) -> tuple[bytes, Any]:
    """Return a part of the answer, and the place where the next begins; wait for memory before the database is asked.

    Raises RequestError.
    """
    room = ROOM
    while True:
        if not asked.route.apart:
            # The texts as they are read, and as they are written.
            await asked.share.grow(2 * room)
        try:
            body, following = await _make_part(asked, place, room)
        except TooLittleRoomError as error:
            asked.share.resize(0)
            room = error.size
            continue
        if not asked.route.apart:
            asked.share.resize(len(body))
        return body, following


async def _make_part(asked: Asked, place: Any, room: int) -> tuple[bytes, Any]:
    """Return a part of the answer as JSON, made in one transaction."""
    service, route = asked.service, asked.route
    await service.confirm()
    async with Orm(service.engine, expire_on_commit=False) as orm:
        caller = await _narrow_by_token(orm, asked.caller, asked.headers)
        check_role(route, caller)
        viewer = service.view(caller, asked.headers)
        session_id = asked.headers.get("X-Caller-Session-Id")
        call = Call(service, caller, viewer, orm, asked.given, session_id, place, room, asked.answered)
        answer = await route.handler(call)
        part = answer if isinstance(answer, Part) else Part(answer, None)
        body = route.adapter.dump_json(route.adapter.validate_python(part.items))
        await orm.commit()
    return body, part.place


async def _narrow_by_token(orm: Orm, caller: Caller, headers: Mapping[str, str]) -> Caller:
    """Return the caller with no more rights than its token has, where it sends one; raises RequestError (401)."""
    token = headers.get("X-Session-Token")
    if token is None:
        return caller
    found = await find_token(orm, token.replace("\0", ""))
    if found is None:
        raise RequestError(401, problems.TOKEN_NOT_VALID)
    return narrow(caller, found.role)
