"""What TeleClaude remembers: saved, read around a moment or by number, forgotten. The search is `db.search.memory`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import delete, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import MemoryManualSession, MemoryObservation, MemorySummary
from teleclaude.db.store.system import INSERT

N = TypeVar("N", MemoryObservation, MemorySummary)


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


async def read_newest(orm: Orm, kind: type[N], project: str, limit: int, key: str | None = None) -> Sequence[N]:
    """Return the newest observations or summaries of a project; with a key, those of another key are left out."""
    found = select(kind).where(kind.project == project)
    if key is not None:
        found = found.where(or_(MemoryObservation.identity_key.is_(None), MemoryObservation.identity_key == key))
    return (await orm.scalars(found.order_by(kind.created_at_epoch.desc(), kind.id.desc()).limit(limit))).all()


async def read_observations(orm: Orm, ids: Sequence[int]) -> Sequence[MemoryObservation]:
    """Return the observations with these numbers, in their order; those that are not there are left out."""
    rows = await orm.scalars(select(MemoryObservation).where(MemoryObservation.id.in_(ids)))
    found = {row.id: row for row in rows}
    return [found[id_] for id_ in dict.fromkeys(ids) if id_ in found]


async def read_timeline(orm: Orm, anchor: MemoryObservation, before: int, after: int) -> Sequence[MemoryObservation]:
    """Return an observation among those of its project that were made before and after it, the oldest first."""
    order = (MemoryObservation.created_at_epoch, MemoryObservation.id)
    place, here = tuple_(*order), (anchor.created_at_epoch, anchor.id)
    among = select(MemoryObservation).where(MemoryObservation.project == anchor.project)
    downwards = (column.desc() for column in order)
    earlier = await orm.scalars(among.where(place < here).order_by(*downwards).limit(before))
    later = await orm.scalars(among.where(place > here).order_by(*order).limit(after))
    return [*reversed(earlier.all()), anchor, *later.all()]


async def delete_observation(orm: Orm, id_: int) -> bool:
    """Forget an observation; False where there was none."""
    deleted = await orm.scalars(
        delete(MemoryObservation).where(MemoryObservation.id == id_).returning(MemoryObservation.id)
    )
    return bool(deleted.all())
