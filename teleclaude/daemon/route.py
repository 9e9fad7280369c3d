"""What a route is: its path, the roles that may ask, the type of its input and the type of its answer."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from functools import cached_property
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator
from pydantic_core import PydanticCustomError, to_json
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon.identity import Caller, Role
from teleclaude.daemon.service import Service
from teleclaude.db.store.lengths import LONGEST_TEXT
from teleclaude.db.store.viewers import Viewer

EVERYONE = frozenset(Role)
RESIDENTS = EVERYONE - {Role.CUSTOMER}
STAFF = RESIDENTS - {Role.NEWCOMER}
ADMINS = frozenset({Role.ADMIN})

Name = Annotated[str, Field(min_length=1, max_length=500)]
RowNumber = Annotated[int, Field(ge=1, lt=2**63)]

LONGEST_DOCUMENT = 16 * 1024
"""In bytes: of a JSON document that is sent to us."""

ROOM = 1024 * 1024
"""How many bytes of texts are read for one part of an answer; a row that is longer makes a part of its own."""


def _limit(most: int) -> AfterValidator:
    """Return the check that a text, or a document as JSON, is at most so many bytes long."""

    def check(value: Any) -> Any:
        written = value if isinstance(value, str) else to_json(value).decode()
        # A text that is no Unicode is refused where it would be stored.
        if len(written.encode(errors="replace")) > most:
            raise PydanticCustomError("too_long", "is longer than {most} bytes", {"most": most})
        return value

    return AfterValidator(check)


Text = Annotated[str, _limit(LONGEST_TEXT)]
Document = Annotated[dict[str, Any], _limit(LONGEST_DOCUMENT)]
Texts = Annotated[list[str], _limit(LONGEST_TEXT)]


Moment = Annotated[str | None, BeforeValidator(lambda moment: moment and moment.astimezone(UTC).isoformat())]
"""A moment of the database as ISO 8601 in UTC with its offset."""


class Input(BaseModel):
    """The input of a route: fields in braces come from the path, others from the query (GET, DELETE) or the body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="after")
    def refuse_what_no_database_holds(self) -> Self:
        """Refuse NUL, which PostgreSQL's text cannot hold, and infinity, which jsonb cannot hold."""
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
    """The input of a route that takes none."""


class Answer(BaseModel):
    """The answer of a route, published under the name of its class. A handler may return a row with these columns."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Refusal(Answer):
    """The answer to every request that does not succeed: one sentence, and what to do about it."""

    error: str
    hint: str
    detail: str
    """The sentence again, under the name of the single-user daemon."""


I = TypeVar("I", bound=Input)  # noqa: E741 - the input of a route


@dataclass(frozen=True)
class Part:
    """Some items of a list; the others are asked for when these are written, in another transaction."""

    items: Any
    place: Any
    """Where the next part begins, as its handler knows it; None where there is none."""


@dataclass(frozen=True)
class Call(Generic[I]):
    """A request of a caller who may ask it, in a transaction that is committed before the answer is sent."""

    service: Service
    caller: Caller
    viewer: Viewer
    orm: Orm
    given: I
    session_id: str | None = None
    """The session that an agent says it calls from; it only narrows what is listed, because nothing checks it."""
    place: Any = None
    """Where a part of the answer begins that is not the first."""
    room: int = ROOM
    """How many bytes of texts the handler may read; one that has to read more raises TooLittleRoomError."""
    headers: dict[str, str] = field(default_factory=dict)
    """The headers of the answer; the handler may add some."""


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
    """Returns the answer, or a `Part` of it where that is a list."""
    status: int = 200
    apart: bool = False
    """Whether it has turns of its own and needs no share of the memory for answers, because its answer is short."""

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (self.handler.__doc__ or "").strip().partition("\n")[0]

    @property
    def in_path(self) -> tuple[str, ...]:
        """The names of the fields in the path."""
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @property
    def takes_body(self) -> bool:
        """Whether what is not in the path comes in the body."""
        return self.method in ("POST", "PUT", "PATCH")

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """What validates and writes the answer."""
        return TypeAdapter(self.answer)
