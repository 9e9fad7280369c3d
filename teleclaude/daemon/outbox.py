"""The worker of the hook outbox: claims what is due, delivers it, and tries again later what could not be delivered.

What an event changes and the note that it was delivered are one transaction, so a daemon that is killed anywhere has
delivered it once or not at all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon.delivery import DeliveryError, deliver
from teleclaude.daemon.service import Service
from teleclaude.db.store.hooks import HookEvent, claim_events, release_claims, settle_delivered, settle_failed
from teleclaude.errors import RequestError

LOG = logging.getLogger(__name__)

_Target = Callable[[Orm, HookEvent], Awaitable[None]]
"""Delivers an event within a transaction; raises DeliveryError where it cannot, now."""

_BATCH = 50
_PAUSE_SECONDS = 0.5
_DATABASE_ERRORS = (SQLAlchemyError, OSError, asyncpg.InterfaceError, asyncpg.PostgresError)


async def deliver_for_ever(service: Service, target: _Target = deliver) -> None:
    """Deliver whatever is due, until cancelled; a database that goes away is waited for."""
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
        except _DATABASE_ERRORS as error:
            LOG.warning("the outbox waits for the database", exc_info=error)
        if delivered < _BATCH:
            await asyncio.sleep(_PAUSE_SECONDS)


async def release(service: Service) -> None:
    """Void the claims of a daemon that was killed: we hold the database, so it has ended."""
    async with Orm(service.engine) as orm:
        await release_claims(orm)
        await orm.commit()


async def deliver_due(service: Service, target: _Target) -> int:
    """Deliver a batch of what is due and return how many that were, delivered or not."""
    async with Orm(service.engine) as orm:
        events = await claim_events(orm, _BATCH)
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
    except Exception as error:  # one event that nobody foresaw must not keep all others from being delivered
        foreseen = isinstance(error, (DeliveryError, *_DATABASE_ERRORS))
        reason = str(error) if isinstance(error, DeliveryError) else type(error).__name__
        if not foreseen:
            LOG.exception("an event cannot be delivered, which is a bug")
        LOG.info("an event was not delivered", extra={"fields": {"event_id": event.id, "attempt": event.attempts + 1}})
        async with Orm(service.engine) as orm:
            await settle_failed(orm, event, reason)
            await orm.commit()
