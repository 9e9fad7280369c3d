"""The outbox of hook events: kept before they are acknowledged, claimed for a while, delivered once.

A row is due until it is delivered or was tried too often. A claim sets `locked_at`; a claim expires, so that
the event of a killed worker is claimed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, cast, column, func, not_, or_, select, table, true, update
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import HookOutbox
from teleclaude.db.store.system import INSERT

CLAIM_TIME = timedelta(minutes=1)
"""How long a claim holds."""

MOST_ATTEMPTS = 10
"""An event that failed so often stays in the outbox with its last error and is not tried again."""

_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True)
class HookEvent:
    """An event as its delivery needs it."""

    id: int
    session_id: str
    event_type: str
    created_at: datetime
    attempts: int
    """How often it has been tried, this time not counted."""


async def find_event(orm: Orm, event_id: str | None) -> int | None:
    """Return the number of the event with this id, None where there is none."""
    return await orm.scalar(select(HookOutbox.id).where(HookOutbox.event_id == event_id)) if event_id else None


async def add_event(orm: Orm, values: Mapping[str, Any], happened: datetime | None = None) -> int | None:
    """Keep an event that is due now, and return its number; None where one with its id is kept already."""
    now = datetime.now(UTC)
    # The clock of who sends it may be wrong, and an event of the future would be newer than all that follow.
    row = {**values, "created_at": min(happened or now, now), "next_attempt_at": now, "attempt_count": 0}
    statement = INSERT[orm.get_bind().dialect.name](HookOutbox).values(row).on_conflict_do_nothing()
    number: int | None = await orm.scalar(statement.returning(HookOutbox.id))
    return number


def _came_later() -> ColumnElement[bool]:
    """Return whether an event came after the migration, on PostgreSQL alone; without a migration every event did.

    The migration sets the START of the column's sequence to the first number that it leaves to the daemon. A restart of
    the server, a dump and a restore keep it (PostgreSQL manual, pg_sequence).
    """
    sequence = cast(func.pg_get_serial_sequence(HookOutbox.__tablename__, HookOutbox.id.name), REGCLASS)
    start = (
        select(column("seqstart", BigInteger)).select_from(table("pg_sequence")).where(column("seqrelid") == sequence)
    )
    return HookOutbox.id >= start.scalar_subquery()


def _is_due(now: datetime, *, only_later: bool) -> ColumnElement[bool]:
    """Return whether an event is due and not claimed."""
    row = HookOutbox
    return and_(
        _came_later() if only_later else true(),
        row.delivered_at.is_(None),
        func.coalesce(row.attempt_count, 0) < MOST_ATTEMPTS,
        or_(row.next_attempt_at.is_(None), row.next_attempt_at <= now),
        or_(row.locked_at.is_(None), row.locked_at <= now - CLAIM_TIME),
    )


async def claim_events(orm: Orm, limit: int, *, only_later: bool = False) -> Sequence[HookEvent]:
    """Claim the events that are due, the oldest first, at most `limit`; or only those that came after a migration."""
    now = datetime.now(UTC)
    due = _is_due(now, only_later=only_later)
    oldest = select(HookOutbox.id).where(due).order_by(HookOutbox.id).limit(limit)
    # On PostgreSQL, a worker that waited for another's claim checks again whether the row is due.
    claim = update(HookOutbox).where(HookOutbox.id.in_(oldest.scalar_subquery()), due).values(locked_at=now)
    row = HookOutbox
    attempts, made = func.coalesce(row.attempt_count, 0), func.coalesce(row.created_at, now)
    claimed = claim.returning(row.id, row.session_id, row.event_type, made, attempts)
    rows = (await orm.execute(claimed, execution_options={"synchronize_session": False})).all()
    return [HookEvent(*each) for each in sorted(rows, key=lambda each: each.id)]


async def read_payload(orm: Orm, event: HookEvent) -> Any:
    """Return what the agent gave with an event; a payload may be long, so it is not read with the claim of many."""
    return await orm.scalar(select(HookOutbox.payload).where(HookOutbox.id == event.id))


async def count_brought(orm: Orm) -> int:
    """Return the number of events that a migration brought and nobody has delivered."""
    waiting = (HookOutbox.delivered_at.is_(None), not_(_came_later()))
    return await orm.scalar(select(func.count()).select_from(HookOutbox).where(*waiting)) or 0


async def release_claims(orm: Orm, *, only_later: bool = False) -> None:
    """Release every claim, or only those on events that came after a migration.

    A worker calls it at its start, where it is the only one.
    """
    which = _came_later() if only_later else true()
    claimed = (which, HookOutbox.locked_at.is_not(None), HookOutbox.delivered_at.is_(None))
    await orm.execute(update(HookOutbox).where(*claimed).values(locked_at=None))


async def settle_delivered(orm: Orm, event: HookEvent) -> None:
    """Note that an event was delivered."""
    row = {"delivered_at": datetime.now(UTC), "attempt_count": event.attempts + 1, "locked_at": None}
    await orm.execute(update(HookOutbox).where(HookOutbox.id == event.id).values(**row, last_error=None))


async def settle_failed(orm: Orm, event: HookEvent, error: str) -> None:
    """Note why an event could not be delivered, and try it again after a pause that doubles each time."""
    pause = min(timedelta(seconds=2**event.attempts), _LONGEST_PAUSE)
    row = {"next_attempt_at": datetime.now(UTC) + pause, "attempt_count": event.attempts + 1, "locked_at": None}
    await orm.execute(update(HookOutbox).where(HookOutbox.id == event.id).values(**row, last_error=error))
