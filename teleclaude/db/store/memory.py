"""What TeleClaude remembers: saved, read around a moment or by number, forgotten. The search is `db.search.memory`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import RowMapping, Text, delete, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession as Orm
from sqlalchemy.orm import InstrumentedAttribute

from teleclaude.db.models import MemoryManualSession, MemoryObservation
from teleclaude.db.store.lengths import find_fitting, read_shortened, shorten
from teleclaude.db.store.system import INSERT

_TOLD = 4000
"""Characters of a text that an agent is told when it begins."""


async def save_observation(orm: Orm, values: Mapping[str, Any]) -> MemoryObservation:
    """Add an observation of a project, made now."""
    now = datetime.now(UTC)
    epoch = int(now.timestamp())
    parent = await _manual_session(orm, values["project"], epoch)
    made = MemoryObservation(**values, memory_session_id=parent, created_at=now, created_at_epoch=epoch)
    orm.add(made)
    await orm.flush()
    return made


async def _manual_session(orm: Orm, project: str, epoch: int) -> str:
    """Return the parent of a project's observations; there is one for each project."""
    row = {"memory_session_id": str(uuid.uuid4()), "project": project, "created_at_epoch": epoch}
    statement = INSERT[orm.get_bind().dialect.name](MemoryManualSession).values(row)
    await orm.execute(statement.on_conflict_do_nothing(index_elements=["project"]))
    found = select(MemoryManualSession.memory_session_id).where(MemoryManualSession.project == project)
    return (await orm.execute(found)).scalar_one()


OBSERVED = tuple(
    getattr(MemoryObservation, name)
    for name in (
        *("id", "title", "subtitle", "type", "project", "narrative", "facts"),
        *("created_at", "created_at_epoch"),
    )
)
"""The columns of an observation that are told."""


async def read_newest(
    orm: Orm, columns: Sequence[InstrumentedAttribute[Any]], project: str, limit: int, key: str | None = None
) -> Sequence[RowMapping]:
    """Return columns of the newest observations or summaries of a project, the beginning alone of a long text.

    With a key, observations of another key are left out.
    """
    kind = columns[0].class_
    told = (func.substr(each, 1, _TOLD).label(each.key) if isinstance(each.type, Text) else each for each in columns)
    found = select(*told).where(kind.project == project)
    if key is not None:
        found = found.where(or_(kind.identity_key.is_(None), kind.identity_key == key))
    newest = found.order_by(kind.created_at_epoch.desc(), kind.id.desc()).limit(limit)
    return (await orm.execute(newest)).mappings().all()


async def read_observations(
    orm: Orm, ids: Sequence[int], room: int, *, whole: bool
) -> tuple[list[Mapping[str, Any]], list[int]]:
    """Return observations in the order of their numbers, with about `room` bytes of texts, and the numbers left.

    Those that are not there are left out. Raises TooLittleRoomError where they are to be whole.
    """
    key = MemoryObservation.id
    now, later = await find_fitting(orm, OBSERVED, ids, room, whole=whole)
    columns = OBSERVED if whole else read_shortened(OBSERVED)
    rows = (await orm.execute(select(*columns).where(key.in_(now)))).mappings()
    found = {row["id"]: dict(row) if whole else shorten(row) for row in rows}
    return [found[id_] for id_ in now], later


async def find_timeline(orm: Orm, anchor: int, before: int, after: int, project: str | None = None) -> Sequence[int]:
    """Return the number of an observation among those that were made before and after it, of `project` or of all.

    The oldest is the first; there is none where the observation is not there (facts: daemon, parameters and answers
    that clients rely on).
    """
    order = (MemoryObservation.created_at_epoch, MemoryObservation.id)
    here = (await orm.execute(select(*order).where(MemoryObservation.id == anchor))).first()
    if here is None:
        return []
    place = tuple_(*order)
    among = select(MemoryObservation.id)
    if project is not None:
        among = among.where(MemoryObservation.project == project)
    downwards = (column.desc() for column in order)
    earlier = await orm.scalars(among.where(place < tuple(here)).order_by(*downwards).limit(before))
    later = await orm.scalars(among.where(place > tuple(here)).order_by(*order).limit(after))
    return [*reversed(earlier.all()), anchor, *later.all()]


async def delete_observation(orm: Orm, id_: int) -> bool:
    """Forget an observation; False where there was none."""
    deleted = await orm.scalars(
        delete(MemoryObservation).where(MemoryObservation.id == id_).returning(MemoryObservation.id)
    )
    return bool(deleted.all())
