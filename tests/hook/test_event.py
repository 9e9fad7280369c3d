"""What an agent says becomes an event, in the words of the daemon."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from teleclaude.agents import EVENTS
from teleclaude.hook.event import make_event, read_marker

NATIVE = {"session_id": "n"}


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)


@pytest.mark.parametrize(
    ("agent", "said", "payload", "kind"),
    [
        ("claude", "session_start", NATIVE, "session_start"),
        ("claude", None, {**NATIVE, "hook_event_name": "PostToolUseFailure"}, "tool_done"),
        ("claude", "Notification", NATIVE, None),
        ("gemini", None, {**NATIVE, "hook_event_name": "BeforeAgent"}, "user_prompt_submit"),
        ("gemini", None, {**NATIVE, "hook_event_name": "PreToolUse"}, None),
        ("codex", None, {"thread-id": "n", "type": "agent-turn-complete"}, "agent_stop"),
        ("codex", None, {"thread-id": "n", "type": "unheard-of"}, None),
        ("claude", "user_prompt_submit", {**NATIVE, "prompt": " \n"}, None),
        ("claude", "user_prompt_submit", {**NATIVE, "prompt": "do it"}, "user_prompt_submit"),
        ("claude", "error", NATIVE, "error"),
        ("claude", "tool_use", {}, None),
    ],
)
def test_events_have_our_names_and_others_are_not_told(
    agent: str, said: str | None, payload: dict[str, Any], kind: str | None
) -> None:
    event = make_event(agent, said, "/src", payload)
    assert (event and event["event_type"]) == kind
    assert event is None or (event["native_session_id"], event["cwd"], event["payload"]) == ("n", "/src", payload)


def test_an_event_has_its_moment_and_an_id_of_its_own() -> None:
    one, other = (make_event("claude", "tool_use", None, {**NATIVE, "cwd": "/there"}) for _ in range(2))
    assert one is not None
    assert other is not None
    assert one["event_id"] != other["event_id"]
    assert abs(datetime.fromisoformat(one["received_at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert one["cwd"] == "/there"


def test_the_terminal_names_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "teleclaude_session_id").write_text("of the terminal\n")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert make_event("claude", "tool_use", None, {}) is None
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    event = make_event("claude", "tool_use", None, {})
    assert event is not None
    assert event["session_id"] == "of the terminal"


def test_what_is_no_marker_names_nothing_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    environ = {"TMUX": "x", "TMP": str(tmp_path), "TEMP": str(tmp_path / "none")}
    marker = tmp_path / "teleclaude_session_id"
    assert read_marker(environ) is None
    os.mkfifo(marker)
    assert read_marker(environ) is None
    marker.unlink()
    for content in (b"", b"x" * 501, b"\xff"):
        marker.write_bytes(content)
        assert read_marker(environ) is None


def test_the_page_has_every_event_of_every_agent() -> None:
    names = {"Claude Code": "claude", "Gemini CLI": "gemini", "Codex CLI": "codex"}
    page = (Path(__file__).parents[2] / "docs/hooks.md").read_text()
    rows = re.findall(r"^\| (.*?) \| `(\w[\w-]+)` \| `(\w+)` \|$", page, re.M)
    assert [(names[agent], native, kind) for agent, native, kind in rows] == [
        (agent, *each) for agent, events in EVENTS.items() for each in events.items()
    ]
