"""What the daemon does by itself every hour, and when it starts: it closes sessions, and shortens the audit log."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.daemon.service import DATABASE_ERRORS, Service
from teleclaude.db.store.audit import expire_audit
from teleclaude.db.store.idle import close_idle
from teleclaude.errors import RequestError

_LOG = logging.getLogger(__name__)

_HOUR, _MINUTE = 3600.0, 60.0

_BATCH = 500
"""How many sessions are closed in a transaction."""


async def work_every_hour(service: Service) -> None:
    """Work until cancelled; where the database cannot be reached, try again after a minute."""
    while True:
        pause = _HOUR
        try:
            await close_idle_sessions(service)
            await expire_audit_log(service)
        except (RequestError, *DATABASE_ERRORS) as error:
            _LOG.warning("the work of the hour waits for the database", exc_info=error)
            pause = _MINUTE
        await asyncio.sleep(pause)


async def close_idle_sessions(service: Service) -> int:
    """Close the sessions of this computer that are idle for too long, and return their number.

    Raises RequestError (503) where the lock on the database is lost.
    """
    hours, computer = service.settings.sessions.idle_hours, service.settings.computer.name
    closed, last = 0, _BATCH if hours else 0
    while last == _BATCH:
        await service.confirm()
        async with Orm(service.engine) as orm:
            last = await close_idle(orm, computer, timedelta(hours=hours), _BATCH)
            await orm.commit()
        closed += last
    if closed:
        _LOG.info("sessions closed because they were idle for more than %g hours: %d", hours, closed)
    return closed


async def expire_audit_log(service: Service) -> None:
    """Remove the rows of the audit log that are older than the configuration keeps them; raises RequestError (503)."""
    if days := service.settings.audit.keep_days:
        await service.confirm()
        async with Orm(service.engine) as orm:
            await expire_audit(orm, days)
            await orm.commit()
