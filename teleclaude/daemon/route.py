"""What a route is: its path, who may ask, what it takes and what it answers. The rules are read from here."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon.identity import Caller, Role
from teleclaude.daemon.service import Service
from teleclaude.db.store.viewers import Viewer

EVERYONE = frozenset(Role)
RESIDENTS = EVERYONE - {Role.CUSTOMER}
STAFF = RESIDENTS - {Role.NEWCOMER}
ADMINS = frozenset({Role.ADMIN})

Name = Annotated[str, Field(min_length=1, max_length=500)]
RowNumber = Annotated[int, Field(ge=1, lt=2**63)]


def _to_iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat()


Moment = Annotated[str | None, BeforeValidator(_to_iso)]
"""A moment of the database as ISO 8601 in UTC with its offset."""


class Input(BaseModel):
    """What a route takes: what stands in braces comes from the path, the rest from the query of GET and DELETE, or the
    body of the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="after")
    def refuse_what_no_database_holds(self) -> Self:
        """Refuse NUL characters, which PostgreSQL's text has not, and numbers that are none, which JSON has not."""
        for value in _scalars(self.model_dump()):
            if isinstance(value, str) and "\0" in value:
                raise ValueError("a text holds a NUL character, which cannot be stored")
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError("a number is not finite, which cannot be stored")
        return self


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _scalars(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _scalars(item)
    else:
        yield value


class Nothing(Input):
    """A route that takes nothing."""


class Answer(BaseModel):
    """What a route answers; made of a row where its fields are columns."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Failure(Answer):
    """Every answer that is no success: one sentence, and what to do about it."""

    error: str
    hint: str


I = TypeVar("I", bound=Input)  # noqa: E741 - the input of a route


@dataclass(frozen=True)
class Call(Generic[I]):
    """A request that has been let in, in a transaction that is committed before it is answered."""

    service: Service
    caller: Caller
    viewer: Viewer
    orm: Orm
    given: I
    session_id: str | None = None
    """The session that an agent says it calls from; it narrows what is listed, and proves nothing."""


@dataclass(frozen=True)
class Route(Generic[I]):
    """One line of the table of routes."""

    method: str
    path: str
    roles: frozenset[Role]
    input: type[I]
    answer: Any
    """The type of the answer, as pydantic reads types."""
    handler: Callable[[Call[I]], Awaitable[Any]]
    status: int = 200

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0]

    @property
    def in_path(self) -> tuple[str, ...]:
        """The names that stand in the path."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @property
    def takes_body(self) -> bool:
        """Whether what is not in the path comes in the body."""
        return self.method in ("POST", "PUT", "PATCH")

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """What validates and writes the answer."""
        return TypeAdapter(self.answer)
