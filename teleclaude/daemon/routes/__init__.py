"""The table of routes: everything that the daemon can be asked, and by which roles."""

from __future__ import annotations

from typing import Any, Literal

from teleclaude.daemon import problems
from teleclaude.daemon.identity import Caller, Role
from teleclaude.daemon.openapi import describe
from teleclaude.daemon.route import ADMINS, EVERYONE, STAFF, Answer, Call, Input, Name, Nothing, Route, Text
from teleclaude.daemon.routes import audit, hooks, memory, sessions
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

    value: Text


async def _get_health(_call: Call[Nothing]) -> Health:
    """Say that the daemon is there and holds its database."""
    return Health()


async def _get_whoami(call: Call[Nothing]) -> Caller:
    """Say who the caller is taken for."""
    return call.caller


async def _get_openapi(_call: Call[Nothing]) -> dict[str, Any]:
    """Describe the API in OpenAPI 3.1."""
    return describe(ROUTES)


class _Speech(Answer):
    enabled: Literal[False] = False


class RuntimeSettings(Answer):
    """The settings of the single-user daemon that clients ask for; this daemon does not speak."""

    tts: _Speech = _Speech()


async def _get_runtime_settings(_call: Call[Nothing]) -> RuntimeSettings:
    """Say that this daemon does not speak."""
    return RuntimeSettings()


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
    Route("GET", "/health", EVERYONE, Nothing, Health, _get_health, apart=True),
    Route("GET", "/auth/whoami", EVERYONE, Nothing, Whoami, _get_whoami),
    Route("GET", "/openapi.json", EVERYONE, Nothing, dict[str, Any], _get_openapi),
    *sessions.ROUTES,
    *hooks.ROUTES,
    *memory.ROUTES,
    *audit.ROUTES,
    Route("GET", "/settings", EVERYONE, Nothing, RuntimeSettings, _get_runtime_settings),
    Route("GET", "/system-settings", STAFF, Nothing, dict[str, str], _get_settings),
    Route("GET", "/system-settings/{key}", STAFF, _OneSetting, Setting, _get_setting),
    Route("PUT", "/system-settings/{key}", ADMINS, _NewSetting, Setting, _put_setting),
)

COMPARED = {
    "GET /health": "not compared",
    "GET /auth/whoami": "not compared",
    "GET /sessions": "more",
    "POST /sessions": "not compared",
    "DELETE /sessions/{session_id}": "not compared",
    "POST /api/memory/save": "more",
    "GET /api/memory/search": "same",
    "GET /api/memory/timeline": "same",
    "POST /api/memory/batch": "not compared",
    "GET /api/memory/inject": "not compared",
    "DELETE /api/memory/{id}": "more",
    "GET /api/mirrors/search": "more",
    "GET /settings": "same",
}
"""The routes that the single-user daemon has too, and whether ours take and answer the same (docs/api.md)."""
