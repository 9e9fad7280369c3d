"""The worker of the hook outbox: it claims the events that are due and delivers each, or tries it again later.

The change of the session and the note that the event was delivered are one transaction. A daemon that is killed at any
moment has delivered the event once or not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon.service import DATABASE_ERRORS, Service
from teleclaude.db.models import Session
from teleclaude.db.store.hooks import (
    HookEvent,
    claim_events,
    count_brought,
    read_payload,
    release_claims,
    settle_delivered,
    settle_failed,
)
from teleclaude.errors import RequestError

_LOG = logging.getLogger(__name__)

_Target = Callable[[Orm, HookEvent], Awaitable[None]]
"""Delivers an event within a transaction; raises DeliveryError where it cannot, now."""

_BATCH = 50
_PAUSE_SECONDS = 0.5

MOMENTS = {
    "user_prompt_submit": "last_message_sent_at",
    "tool_use": "last_tool_use_at",
    "tool_done": "last_tool_done_at",
    "agent_stop": "last_output_at",
}
"""The column that says when this happened last. Any other event only shows that the session is active."""

TEXTS = {
    "session_start": {"native_session_id": "session_id", "native_log_file": "transcript_path"},
    "user_prompt_submit": {"last_message_sent": "prompt"},
    # Codex tells of the end of a turn alone. No other agent writes these keys.
    "agent_stop": {"native_session_id": "thread-id", "last_output_raw": "last-assistant-message"},
}
"""The columns that take a text of the payload, and under which key agents write it."""


class DeliveryError(Exception):
    """An event cannot be delivered; the text says why, and is kept with the event."""


def to_changes(event: HookEvent, given: Any, session: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a session that an event changes; a column that is newer than the event stays. Pure."""
    changes: dict[str, Any] = {}
    moment = MOMENTS.get(event.event_type)
    active = session["last_activity"]
    if active is None or active < event.created_at:
        changes["last_activity"] = event.created_at
    if moment is not None and session[moment] is not None and session[moment] > event.created_at:
        return changes
    if moment is not None:
        changes[moment] = event.created_at
    payload = given if isinstance(given, dict) else {}
    texts = {column: payload.get(key) for column, key in TEXTS.get(event.event_type, {}).items()}
    return changes | {column: text for column, text in texts.items() if isinstance(text, str)}


async def deliver(orm: Orm, event: HookEvent) -> None:
    """Change the session as the event says, in the caller's transaction; raises DeliveryError."""
    session = await orm.scalar(select(Session).where(Session.session_id == event.session_id).with_for_update())
    if session is None:
        raise DeliveryError("there is no such session")
    payload = await read_payload(orm, event)
    for column, value in to_changes(event, payload, vars(session)).items():
        setattr(session, column, value)


async def deliver_for_ever(service: Service, target: _Target = deliver) -> None:
    """Deliver the events that are due, until cancelled; while the database cannot be reached, wait for it."""
    released = False
    while True:
        delivered = 0
        try:
            await service.confirm()
            if not released:
                await release(service)
                released = True
            delivered = await deliver_due(service, target)
        except RequestError:
            pass
        except DATABASE_ERRORS as error:
            _LOG.warning("the outbox waits for the database", exc_info=error)
        if delivered < _BATCH:
            await asyncio.sleep(_PAUSE_SECONDS)


async def release(service: Service) -> None:
    """Void the claims of a daemon that was killed. We hold the lock on the database, so no other daemon has claims."""
    async with Orm(service.engine) as orm:
        await release_claims(orm, only_later=service.only_later)
        left = await count_brought(orm) if service.only_later else 0
        await orm.commit()
    if left:
        _LOG.info("the migration brought %d events that are not delivered; --deliver delivers them", left)


async def deliver_due(service: Service, target: _Target) -> int:
    """Deliver a batch of the events that are due; return their number, delivered or not."""
    async with Orm(service.engine) as orm:
        events = await claim_events(orm, _BATCH, only_later=service.only_later)
        await orm.commit()
    for event in events:
        await _deliver_one(service, target, event)
    return len(events)


async def _deliver_one(service: Service, target: _Target, event: HookEvent) -> None:
    """Deliver an event, or note why not."""
    try:
        async with Orm(service.engine) as orm:
            await target(orm, event)
            await settle_delivered(orm, event)
            await orm.commit()
    except Exception as error:  # an event that meets a bug must not keep the others from being delivered
        reason = str(error) if isinstance(error, DeliveryError) else type(error).__name__
        if not isinstance(error, (DeliveryError, *DATABASE_ERRORS)):
            _LOG.exception("an event cannot be delivered, which is a bug")
        _LOG.info("an event was not delivered", extra={"fields": {"event_id": event.id, "attempt": event.attempts + 1}})
        async with Orm(service.engine) as orm:
            await settle_failed(orm, event, reason)
            await orm.commit()
