"""What is asked of the daemon itself."""

from __future__ import annotations

from typing import Any, Literal

from teleclaude.daemon.identity import Role
from teleclaude.daemon.route import EVERYONE, Answer, Call, Nothing, Route


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


async def _get_whoami(call: Call[Nothing]) -> Whoami:
    """Say who the caller is taken for."""
    caller = call.caller
    return Whoami(person=caller.person, role=caller.role, uid=caller.uid, email=caller.email)


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "/health", EVERYONE, Nothing, Health, _get_health),
    Route("GET", "/auth/whoami", EVERYONE, Nothing, Whoami, _get_whoami),
)
