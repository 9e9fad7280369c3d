"""What an event of an agent's hook means for its session. This is where events of the outbox are delivered to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession as Orm

from teleclaude.db.models import Session
from teleclaude.db.store.hooks import HookEvent

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
}
"""The columns that take a text of the payload, and under which key agents write it."""


class DeliveryError(Exception):
    """An event has nowhere to go; the text says why."""


def to_changes(event: HookEvent, session: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event changes of a session; what is newer there than the event stays. Pure."""
    changes: dict[str, Any] = {}
    moment = MOMENTS.get(event.event_type)
    active = session["last_activity"]
    if active is None or active < event.created_at:
        changes["last_activity"] = event.created_at
    if moment is not None and session[moment] is not None and session[moment] > event.created_at:
        return changes
    if moment is not None:
        changes[moment] = event.created_at
    payload = event.payload if isinstance(event.payload, dict) else {}
    texts = {column: payload.get(key) for column, key in TEXTS.get(event.event_type, {}).items()}
    return changes | {column: text for column, text in texts.items() if isinstance(text, str)}


async def deliver(orm: Orm, event: HookEvent) -> None:
    """Change the session as the event says, in the caller's transaction; raises DeliveryError."""
    session = await orm.scalar(select(Session).where(Session.session_id == event.session_id).with_for_update())
    if session is None:
        raise DeliveryError("there is no such session")
    for column, value in to_changes(event, vars(session)).items():
        setattr(session, column, value)
