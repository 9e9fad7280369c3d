"""The AI agents: their events, and their settings, of which only our own entries are changed. Pure.

Whoever reads and writes the files is elsewhere.
"""

from __future__ import annotations

EVENTS = {
    "claude": {
        "SessionStart": "session_start",
        "UserPromptSubmit": "user_prompt_submit",
        "PreToolUse": "tool_use",
        "PostToolUse": "tool_done",
        "PostToolUseFailure": "tool_done",
        "Stop": "agent_stop",
    },
    "gemini": {
        "SessionStart": "session_start",
        "BeforeAgent": "user_prompt_submit",
        "BeforeTool": "tool_use",
        "AfterTool": "tool_done",
        "AfterAgent": "agent_stop",
    },
    "codex": {"agent-turn-complete": "agent_stop"},
}
"""By agent: its own name of each event that it is asked to tell of, and ours (facts: hooks)."""

SETTINGS = {
    "claude": (".claude/settings.json", ".claude/settings.local.json", ".claude.json"),
    "gemini": (".gemini/settings.json",),
    "codex": (".codex/config.toml",),
}
"""By agent: its settings below the home; hooks of ours stand in the first, older releases wrote to all of them."""
