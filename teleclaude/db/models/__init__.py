"""The tables of TeleClaude (facts: schema of the newest single-user release), plus what a system-wide service needs.

Column types, keys, defaults and constraints are read from here by the migration; nothing keeps a second list.
"""

from teleclaude.db.models.conversations import ConversationLink as ConversationLink
from teleclaude.db.models.conversations import ConversationLinkMember as ConversationLinkMember
from teleclaude.db.models.conversations import Operation as Operation
from teleclaude.db.models.memory import MemoryManualSession as MemoryManualSession
from teleclaude.db.models.memory import MemoryObservation as MemoryObservation
from teleclaude.db.models.memory import MemorySummary as MemorySummary
from teleclaude.db.models.memory import Mirror as Mirror
from teleclaude.db.models.memory import MirrorTombstone as MirrorTombstone
from teleclaude.db.models.queues import HookOutbox as HookOutbox
from teleclaude.db.models.queues import InboundQueue as InboundQueue
from teleclaude.db.models.queues import NotificationOutbox as NotificationOutbox
from teleclaude.db.models.queues import WebhookContract as WebhookContract
from teleclaude.db.models.queues import WebhookOutbox as WebhookOutbox
from teleclaude.db.models.sessions import PendingMessageDeletion as PendingMessageDeletion
from teleclaude.db.models.sessions import Session as Session
from teleclaude.db.models.sessions import SessionListener as SessionListener
from teleclaude.db.models.sessions import SessionToken as SessionToken
from teleclaude.db.models.sessions import VoiceAssignment as VoiceAssignment
from teleclaude.db.models.system import AgentAvailability as AgentAvailability
from teleclaude.db.models.system import AuditLog as AuditLog
from teleclaude.db.models.system import MigrationRun as MigrationRun
from teleclaude.db.models.system import SystemSetting as SystemSetting
from teleclaude.db.types import Model as Model
