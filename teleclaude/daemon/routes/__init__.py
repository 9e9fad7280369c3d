"""The table of routes: what the daemon can be asked, and by whom. Nothing is answered that does not stand here."""

from __future__ import annotations

from typing import Any

from teleclaude.daemon.openapi import describe
from teleclaude.daemon.route import EVERYONE, Call, Nothing, Route
from teleclaude.daemon.routes import hooks, memory, mirrors, service, sessions, settings


async def _get_openapi(_call: Call[Nothing]) -> dict[str, Any]:
    """Describe the API in OpenAPI 3.1."""
    return describe(ROUTES)


ROUTES: tuple[Route[Any], ...] = (
    *service.ROUTES,
    Route("GET", "/openapi.json", EVERYONE, Nothing, dict[str, Any], _get_openapi),
    *sessions.ROUTES,
    *memory.ROUTES,
    *mirrors.ROUTES,
    *settings.ROUTES,
    *hooks.ROUTES,
)
