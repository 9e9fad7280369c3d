"""The table of routes: everything that the daemon can be asked, and by which roles."""

from __future__ import annotations

from typing import Any, Literal

from teleclaude.daemon.identity import Caller, Role
from teleclaude.daemon.openapi import describe
from teleclaude.daemon.route import EVERYONE, Answer, Call, Nothing, Route
from teleclaude.daemon.routes import hooks, memory, mirrors, sessions, settings


class Health(Answer):
    """The daemon is there, and holds its database."""

    status: Literal["ok"] = "ok"


class Whoami(Answer):
    """Who the daemon takes the caller for."""

    person: str
    role: Role
    uid: int
    email: str | None


async def _get_health(_call: Call[Nothing]) -> Health:
    """Say that the daemon is there and holds its database."""
    return Health()


async def _get_whoami(call: Call[Nothing]) -> Caller:
    """Say who the caller is taken for."""
    return call.caller


async def _get_openapi(_call: Call[Nothing]) -> dict[str, Any]:
    """Describe the API in OpenAPI 3.1."""
    return describe(ROUTES)


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "/health", EVERYONE, Nothing, Health, _get_health),
    Route("GET", "/auth/whoami", EVERYONE, Nothing, Whoami, _get_whoami),
    Route("GET", "/openapi.json", EVERYONE, Nothing, dict[str, Any], _get_openapi),
    *sessions.ROUTES,
    *memory.ROUTES,
    *mirrors.ROUTES,
    *settings.ROUTES,
    *hooks.ROUTES,
)
