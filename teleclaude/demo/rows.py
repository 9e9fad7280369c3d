"""Rows for every table of the newest single-user schema: varied, repeatable, and with the dirt that real files have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from teleclaude.demo.maker import RowMaker

_Row = dict[str, Any]

_TITLES = ("Fix the login flow", "Überprüfung der Zeitzonen", "重构数据库迁移", "مراجعة", "Café ☕ and 👩‍💻", "", None)
_AGENTS = ("claude", "codex", "gemini")
_ORIGINS = ("telegram", "discord", "whatsapp", "redis", "api", "terminal", "hook")
_STATUSES = ("active", "active", "headless", "closed", "initializing")
_MIGRATIONS = ("001_fix_sessions_tmux_nullable", "026_add_mirrors_table", "032_add_principal")


def make_rows(seed: int, sessions: int) -> dict[str, list[_Row]]:
    """Return the rows of every table, some hundreds for a hundred sessions."""
    maker = RowMaker(seed, sessions)
    few, some = max(sessions // 10, 2), max(sessions // 3, 4)
    return {
        "sessions": [_session(maker, session_id) for session_id in maker.session_ids],
        "voice_assignments": [_voice(maker, session_id) for session_id in maker.session_ids[:some]],
        "pending_message_deletions": list(_deletions(maker, some)),
        "system_settings": [{"key": f"setting_{i}", "value": str(i), "updated_at": None} for i in range(few)],
        "agent_availability": [_availability(maker, agent) for agent in _AGENTS],
        "hook_outbox": [_hook(maker) for _ in range(some)],
        "notification_outbox": [_notification(maker) for _ in range(few)],
        **_memory(maker, some),
        "webhook_contracts": [_contract(maker, i) for i in range(few)],
        "webhook_outbox": [_webhook(maker, i % few) for i in range(few)],
        "inbound_queue": [_inbound(maker, i) for i in range(some)],
        "session_listeners": [_listener(maker, session_id) for session_id in maker.session_ids[:few]],
        **_conversations(maker, few),
        "operations": [_operation(maker) for _ in range(few)],
        "session_tokens": [_token(maker) for _ in range(few)],
        "mirrors": [_mirror(maker, i) for i in range(some)],
        "mirror_tombstones": [_tombstone(maker, i) for i in range(few)],
        "schema_migrations": [{"version": name} for name in _MIGRATIONS],
    }


def _session(maker: RowMaker, session_id: str) -> _Row:
    pick = maker.random.choice
    status = pick(_STATUSES)
    return {
        "session_id": session_id,
        "computer_name": pick(("workshop", "büro-pc")),
        "title": pick(_TITLES),
        "tmux_session_name": "" if status == "headless" else f"tc_{session_id[:8]}",
        "last_input_origin": pick(_ORIGINS),
        "adapter_metadata": pick(("{}", '{"discord": {"channel_id": 1279000000000000002}}', None)),
        "created_at": maker.naive(),
        "last_activity": maker.naive(),
        "closed_at": maker.naive() if status == "closed" else None,
        "project_path": pick(("/home/ada/projects/webshop", "~/notes", None)),
        "subdir": pick(("trees/fix-ünicode", None)),
        "initiated_by_ai": pick((0, 1, None)),
        "initiator_session_id": maker.maybe(maker.session()),
        "native_session_id": maker.maybe(maker.uuid()),
        "active_agent": pick(_AGENTS),
        "thinking_mode": pick(("fast", "med", "slow", "deep")),
        "last_message_sent": maker.maybe(maker.text(6)),
        "last_output_raw": pick((maker.text(20), "binary \x00 output", None)),
        "lifecycle_status": status,
        "last_output_summary": maker.maybe(maker.text(8)),
        "human_email": pick(("Ada@Example.com", "bob@example.org", None)),
        "human_role": pick(("admin", "member", None)),
        "last_memory_extraction_at": maker.maybe(maker.iso()),
        "char_offset": maker.random.randrange(2**33),
        "transcript_files": json.dumps([f"/home/ada/.claude/{session_id}.jsonl"]),
        "visibility": pick(("private", "shared")),
        "session_metadata": maker.maybe(
            json.dumps({"system_role": "worker", "job": "builder", "human_email": None, "human_role": None})
        ),
        "principal": maker.maybe("human:ada@example.com"),
    }


def _voice(maker: RowMaker, session_id: str) -> _Row:
    return {"id": session_id, "service_name": "openai", "voice": "nova", "assigned_at": maker.maybe(maker.naive())}


def _deletions(maker: RowMaker, count: int) -> Iterator[_Row]:
    for number in range(count):
        # Every fifth belongs to a session that was deleted.
        owner = maker.uuid() if number % 5 == 4 else maker.session()
        kind = maker.random.choice(("user_input", "feedback"))
        yield {"session_id": owner, "message_id": str(5000 + number), "deletion_type": kind, "created_at": None}


def _availability(maker: RowMaker, agent: str) -> _Row:
    until = maker.random.choice(("2026-03-16T08:00:00Z", maker.iso(), None))
    return {"agent": agent, "available": int(until is None), "unavailable_until": until, "reason": None}


def _hook(maker: RowMaker) -> _Row:
    return {
        "session_id": maker.session(),
        "event_type": maker.random.choice(("stop", "notification", "prompt")),
        "payload": maker.payload(),
        "created_at": maker.iso(),
        "next_attempt_at": maker.iso(),
        "delivered_at": maker.maybe(maker.iso()),
    }


def _notification(maker: RowMaker) -> _Row:
    return {
        "channel": "digest",
        "recipient_email": "ada@example.com",
        "content": maker.text(5),
        "created_at": maker.iso(),
    }


def _memory(maker: RowMaker, count: int) -> dict[str, list[_Row]]:
    projects = {name: maker.uuid() for name in ("teleclaude", "WebShop", "webshop")}
    observations = [
        {
            "memory_session_id": projects[project],
            "project": project,
            "type": maker.random.choice(("decision", "discovery", "gotcha")),
            "title": maker.text(3),
            "facts": maker.maybe(json.dumps([maker.text(2)])),
            "narrative": maker.text(12),
            "concepts": maker.maybe(json.dumps(["migration"])),
            "created_at": maker.iso(),
            "created_at_epoch": int(maker.moment().timestamp()),
            "identity_key": maker.maybe("telegram:123456789"),
        }
        for project in (maker.random.choice(tuple(projects)) for _ in range(count))
    ]
    summary = {
        "memory_session_id": projects["teleclaude"],
        "project": "teleclaude",
        "request": maker.text(4),
        "learned": maker.text(6),
        "created_at": "2026-01-02T03:04:05.678Z",
        "created_at_epoch": 1_767_323_045_678,
    }
    sessions = [
        {"memory_session_id": key, "project": name, "created_at_epoch": 1_767_000_000} for name, key in projects.items()
    ]
    return {
        "memory_manual_sessions": sessions,
        "memory_observations": observations,
        "memory_summaries": [summary],
    }


def _contract(maker: RowMaker, number: int) -> _Row:
    target = {"url": "https://hooks.example/in", "secret": "whsec_sample"}
    contract = {"id": f"contract-{number}", "target": target, "active": True}
    return {
        "id": f"contract-{number}",
        "contract_json": json.dumps(contract),
        "active": number % 2,
        "created_at": maker.iso(),
        "updated_at": maker.iso(),
    }


def _webhook(maker: RowMaker, contract: int) -> _Row:
    return {
        "contract_id": f"contract-{contract}",
        "event_json": maker.payload(),
        "target_url": "https://user:sample@hooks.example/in",
        "target_secret": "whsec_sample",
        "created_at": maker.iso(),
    }


def _inbound(maker: RowMaker, number: int) -> _Row:
    return {
        "session_id": maker.session(),
        "origin": maker.random.choice(_ORIGINS),
        "message_type": maker.random.choice(("text", "voice", "file")),
        "content": maker.text(5),
        "payload_json": maker.maybe(maker.payload()),
        "status": maker.random.choice(("pending", "delivered", "failed")),
        "created_at": maker.iso(),
        "source_message_id": maker.maybe(str(number)),
    }


def _listener(maker: RowMaker, session_id: str) -> _Row:
    return {
        "target_session_id": session_id,
        "caller_session_id": maker.session(),
        "caller_tmux_session": f"tc_{session_id[:8]}",
        "registered_at": maker.iso(),
    }


def _conversations(maker: RowMaker, count: int) -> dict[str, list[_Row]]:
    links = [
        {
            "link_id": maker.uuid(),
            "mode": maker.random.choice(("direct_link", "gathering_link")),
            "created_by_session_id": maker.session(),
            "metadata_json": maker.maybe('{"topic": "migration"}'),
            "created_at": maker.iso(),
            "updated_at": maker.iso(),
        }
        for _ in range(count)
    ]
    members = [
        {
            "link_id": link["link_id"],
            "session_id": session_id,
            "participant_number": number,
            "joined_at": maker.iso(),
        }
        for link in links
        for number, session_id in enumerate(maker.random.sample(maker.session_ids, 2))
    ]
    return {"conversation_links": links, "conversation_link_members": members}


def _operation(maker: RowMaker) -> _Row:
    return {
        "operation_id": maker.uuid(),
        "kind": "todo_work",
        "caller_session_id": maker.session(),
        "client_request_id": maker.maybe(maker.uuid()),
        "cwd": "/home/ada/projects/webshop",
        "payload_json": maker.payload(),
        "state": maker.random.choice(("completed", "failed", "stale")),
        "created_at": maker.iso(),
        "updated_at": maker.iso(),
    }


def _token(maker: RowMaker) -> _Row:
    return {
        "token": maker.uuid(),
        "session_id": maker.session(),
        "principal": "human:ada@example.com",
        "role": "admin",
        "issued_at": maker.iso(),
        "expires_at": maker.iso(),
    }


def _mirror(maker: RowMaker, number: int) -> _Row:
    agent = maker.random.choice(_AGENTS)
    return {
        "session_id": maker.session(),
        "source_identity": maker.maybe(f"{agent}:{number}.jsonl"),
        "computer": "workshop",
        "agent": agent,
        "title": maker.text(3),
        "timestamp_start": "2026-03-01T10:00:00.123Z",
        "timestamp_end": maker.iso(),
        "conversation_text": maker.text(60) + maker.random.choice(("", "\x00", "\x1b[1;32m✔\x1b[0m")),
        "message_count": maker.random.randrange(200),
        "metadata": json.dumps({"agent": agent, "transcript_path": f"/home/ada/.{agent}/{number}.jsonl"}),
        "created_at": maker.iso(),
        "updated_at": maker.iso(),
    }


def _tombstone(maker: RowMaker, number: int) -> _Row:
    return {
        "source_identity": f"codex:empty-{number}.jsonl",
        "agent": "codex",
        "transcript_path": f"/home/ada/.codex/empty-{number}.jsonl",
        "file_size": maker.random.randrange(2**40),
        "file_mtime": str(maker.random.randrange(10**18, 2 * 10**18)),
        "created_at": maker.iso(),
    }
