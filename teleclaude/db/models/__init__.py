"""The tables of TeleClaude (facts: schema of the newest single-user release), plus what a system-wide service needs.

Column types, keys, defaults and constraints are read from here by the migration; nothing keeps a second list.
"""

from teleclaude.db.models.conversations import ConversationLink, ConversationLinkMember, Operation
from teleclaude.db.models.declarative import Model
from teleclaude.db.models.memory import (
    MemoryManualSession,
    MemoryObservation,
    MemorySummary,
    Mirror,
    MirrorTombstone,
)
from teleclaude.db.models.queues import HookOutbox, InboundQueue, NotificationOutbox, WebhookContract, WebhookOutbox
from teleclaude.db.models.sessions import (
    PendingMessageDeletion,
    Session,
    SessionListener,
    SessionToken,
    VoiceAssignment,
)
from teleclaude.db.models.system import AgentAvailability, AuditLog, MigrationRun, SystemSetting

__all__ = [
    "AgentAvailability",
    "AuditLog",
    "ConversationLink",
    "ConversationLinkMember",
    "HookOutbox",
    "InboundQueue",
    "MemoryManualSession",
    "MemoryObservation",
    "MemorySummary",
    "MigrationRun",
    "Mirror",
    "MirrorTombstone",
    "Model",
    "NotificationOutbox",
    "Operation",
    "PendingMessageDeletion",
    "Session",
    "SessionListener",
    "SessionToken",
    "SystemSetting",
    "VoiceAssignment",
    "WebhookContract",
    "WebhookOutbox",
]
