"""The table of routes: everything that the daemon can be asked, and by which roles."""

from __future__ import annotations

from typing import Any, Literal

from teleclaude.daemon import problems
from teleclaude.daemon.identity import Caller, Role
from teleclaude.daemon.openapi import describe
from teleclaude.daemon.route import ADMINS, EVERYONE, STAFF, Answer, Call, Input, Name, Nothing, Route
from teleclaude.daemon.routes import audit, memory, sessions
from teleclaude.db.store.system import read_setting, read_settings, write_setting
from teleclaude.errors import RequestError


class Health(Answer):
    """The daemon is there, and holds its database."""

    status: Literal["ok"] = "ok"


class Whoami(Answer):
    """Who the daemon takes the caller for."""

    person: str
    role: Role
    uid: int
    email: str | None


class Setting(Answer):
    """A setting."""

    key: str
    value: str


class _OneSetting(Input):
    """A setting by its key."""

    key: Name


class _NewSetting(_OneSetting):
    """A setting and its new value."""

    value: str


async def _get_health(_call: Call[Nothing]) -> Health:
    """Say that the daemon is there and holds its database."""
    return Health()


async def _get_whoami(call: Call[Nothing]) -> Caller:
    """Say who the caller is taken for."""
    return call.caller


async def _get_openapi(_call: Call[Nothing]) -> dict[str, Any]:
    """Describe the API in OpenAPI 3.1."""
    return describe(ROUTES)


async def _get_settings(call: Call[Nothing]) -> dict[str, str]:
    """Read all settings."""
    return await read_settings(call.orm)


async def _get_setting(call: Call[_OneSetting]) -> Setting:
    """Read a setting."""
    value = await read_setting(call.orm, call.given.key)
    if value is None:
        raise RequestError(404, problems.NO_SETTING.fill(key=call.given.key))
    return Setting(key=call.given.key, value=value)


async def _put_setting(call: Call[_NewSetting]) -> _NewSetting:
    """Set a setting."""
    await write_setting(call.orm, call.given.key, call.given.value)
    return call.given


ROUTES: tuple[Route[Any], ...] = (
    Route("GET", "/health", EVERYONE, Nothing, Health, _get_health),
    Route("GET", "/auth/whoami", EVERYONE, Nothing, Whoami, _get_whoami),
    Route("GET", "/openapi.json", EVERYONE, Nothing, dict[str, Any], _get_openapi),
    *sessions.ROUTES,
    *memory.ROUTES,
    *audit.ROUTES,
    Route("GET", "/settings", STAFF, Nothing, dict[str, str], _get_settings),
    Route("GET", "/settings/{key}", STAFF, _OneSetting, Setting, _get_setting),
    Route("PUT", "/settings/{key}", ADMINS, _NewSetting, Setting, _put_setting),
)
