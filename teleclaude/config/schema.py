"""The shape of the effective configuration, as far as the daemon relies on it; unknown keys are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from teleclaude.config.problems import NOT_VALID
from teleclaude.errors import ConfigError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

LEAST_DAYS = 30
"""How long a row of the audit log is kept at least: the schema of the database says so."""


class _Section(BaseModel):
    """A mapping of the configuration; it keeps unknown keys and cannot be changed."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def leave_out_other_keys(cls, values: Any) -> Any:
        """Leave out keys that are not text, such as `1:` or `on:`."""
        if not isinstance(values, dict):
            return values
        return {key: value for key, value in values.items() if isinstance(key, str)}


class Computer(_Section):
    """This machine; `name` identifies its sessions."""

    name: str = "unknown"
    timezone: str = "Europe/Amsterdam"


class Person(_Section):
    """A person who uses this installation."""

    name: str = Field(min_length=1)
    """Not empty: a session without an owner has the empty name."""
    email: str | None = None
    """None where no old file lists the person."""
    username: str | None = None
    role: Literal["admin", "member", "contributor", "newcomer"] = "member"


class Database(_Section):
    """Where a system-wide installation keeps its data; the password is in the secrets."""

    url: str


class Sessions(_Section):
    """What becomes of sessions by themselves."""

    idle_hours: float = Field(default=72, ge=0, le=87600)
    """How long an open session may be idle before the daemon closes it, as the single-user daemon did; 0 is for ever.
    """


class Audit(_Section):
    """The audit log."""

    keep_days: int = Field(default=400, le=36500)
    """How old a row becomes before it is removed; 0 is for ever. A trigger keeps younger rows than `LEAST_DAYS`."""

    @field_validator("keep_days")
    @classmethod
    def refuse_less(cls, days: int) -> int:
        """Refuse less than the trigger allows to remove."""
        if days != 0 and days < LEAST_DAYS:
            raise ValueError(f"Input should be 0, or {LEAST_DAYS} or more")
        return days


class Settings(_Section):
    """The effective configuration."""

    agents: dict[str, Any]
    computer: Computer = Computer()
    sessions: Sessions = Sessions()
    audit: Audit = Audit()
    people: tuple[Person, ...] = ()
    database: Database | None = None
    environment: dict[str, Any] = Field(default_factory=dict, repr=False)


_MUST_BE = {
    "missing": "is missing",
    "string_type": "must be a text, in quotes if it looks like a number",
    "literal_error": "must be {expected}",
    **dict.fromkeys(("dict_type", "model_type"), "must hold keys and values"),
    "tuple_type": "must be a list",
    "string_too_short": "must not be empty",
}
"""What a key that does not fit must be, by the kinds of errors of pydantic that the types above can raise."""


def make_settings(values: dict[str, Any], origin: str) -> Settings:
    """Return `values` as settings; `origin` names their files in the error.

    Raises ConfigError that names each key that does not fit, and never its value, which may be a secret.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(map(_explain, error.errors()[:5]))
        raise ConfigError(NOT_VALID.fill(files=origin, wrong=wrong)) from None


def _explain(wrong: ErrorDetails) -> str:
    """Return what a key must be; an entry of a list has its number, from 1. A key that does not fit is not shown."""
    keys = wrong["loc"]
    if keys[-1] == "[key]":
        return f"{keys[0]} has a key that is not a text"
    places = (str(key + 1) if isinstance(key, int) else key for key in keys)
    return f"{'.'.join(places)} {_MUST_BE.get(wrong['type'], 'does not fit').format(**wrong.get('ctx', {}))}"
