"""The installation's settings."""

from __future__ import annotations

from typing import Any

from teleclaude.daemon import problems
from teleclaude.daemon.route import ADMINS, STAFF, Answer, Call, Input, Name, Nothing, Route
from teleclaude.db.store.system import read_setting, read_settings, write_setting
from teleclaude.errors import RequestError


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
    Route("GET", "/settings", STAFF, Nothing, dict[str, str], _get_settings),
    Route("GET", "/settings/{key}", STAFF, _OneSetting, Setting, _get_setting),
    Route("PUT", "/settings/{key}", ADMINS, _NewSetting, Setting, _put_setting),
)
