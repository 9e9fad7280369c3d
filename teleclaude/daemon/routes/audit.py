"""The audit log, for administrators: who did or saw what of somebody else's, and what the daemon did by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from teleclaude.daemon.route import ADMINS, Answer, Call, Input, Moment, Name, Route, RowNumber
from teleclaude.db.models import AuditLog
from teleclaude.db.store.audit import AuditFilter, list_audit

LONGEST_PAGE = 1000


class AuditAnswer(Answer):
    """A row of the audit log."""

    id: int
    timestamp: Moment
    actor: str = Field(validation_alias="actor_person")
    action: str = Field(validation_alias="action_type")
    session: str | None = Field(validation_alias="target_session_id")
    detail: Any


class _WantedAudit(Input):
    """Which rows are listed; without a condition all, in pages."""

    actor: Name | None = None
    action: Name | None = None
    session: Name | None = None
    since: AwareDatetime | None = Field(None, description="The first moment, with its offset.")
    until: AwareDatetime | None = Field(None, description="The moment after the last one.")
    before: RowNumber | None = Field(None, description="The id of the last row of the page before.")
    limit: Annotated[int, Field(ge=1, le=LONGEST_PAGE)] = 100


async def _get_audit(call: Call[_WantedAudit]) -> Sequence[AuditLog]:
    """List rows of the audit log, the newest first."""
    return await list_audit(call.orm, AuditFilter(**call.given.model_dump()))


ROUTES: tuple[Route[Any], ...] = (Route("GET", "/audit", ADMINS, _WantedAudit, list[AuditAnswer], _get_audit),)
