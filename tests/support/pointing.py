"""What a real home has that leads to the old installation: settings of agents, start files of shells, commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from teleclaude.demo.installation import SampleInstallation, write

SECRET = "ghp_0123456789abcdefABCDEF0123456789abcd"


def point_to(sample: SampleInstallation) -> None:
    """Let the home lead to the checkout, as the old program's installer leaves it, among what is somebody else's."""
    home, checkout = sample.home, sample.checkout
    python, receiver = checkout / ".venv/bin/python", checkout / "teleclaude/hooks/receiver.py"

    def hook(agent: str, event: str) -> dict[str, Any]:
        return {"type": "command", "command": f"{python} {receiver} --agent {agent} {event}"}

    theirs = {"type": "command", "command": "notify-send 'größer'"}
    write_json(
        home / ".claude/settings.json",
        {
            "model": "opus",
            "hooks": {
                "SessionStart": [{"matcher": "*", "hooks": [hook("claude", "session_start")]}],
                "Stop": [{"matcher": "*", "hooks": [theirs, hook("claude", "stop"), hook("claude", "again")]}],
            },
        },
    )
    server = {"type": "stdio", "command": str(python), "args": [str(checkout / "bin/mcp-wrapper.py")]}
    write_json(
        home / ".claude.json",
        {
            "mcpServers": {"teleclaude": {**server, "env": {"TOKEN": SECRET}}, "other": {"command": "other"}},
            "projects": {str(checkout): {"history": [f"look at {checkout}/README.md"]}},
            "numStartups": 7,
        },
    )
    write_json(
        home / ".gemini/settings.json",
        {
            "hooks": {"AfterAgent": [{"matcher": "*", "hooks": [hook("gemini", "stop")]}]},
            "tools": {"enableHooks": True},
        },
    )
    write(
        home / ".codex/config.toml",
        f"""\
        # Codex CLI configuration
        notify = ["{python}", "{receiver}", "--agent", "codex"]
        model = "o5"

        [mcp_servers.teleclaude]
        type = "stdio"
        command = "{python}"
        args = ["{checkout}/bin/mcp-wrapper.py"]

        [mcp_servers.other]
        command = "other"
        """,
    )
    write(
        home / ".bashrc",
        f"""\
        export EDITOR=vi
        alias telec='{checkout}/bin/telec'
        if [ -d {checkout}/completions ]; then . {checkout}/completions/telec.bash; fi
        case $- in *i*)
            . "{checkout}/completions/telec.bash"
        esac
        # once {checkout}
        export PATH="{checkout}/bin:$PATH"
        """,
    )
    (home / ".local/bin").mkdir(parents=True)
    (home / ".local/bin/telec").symlink_to(checkout / "bin/telec")
    write(home / ".local/bin/serve", f"#!/bin/sh\nexec {checkout}/bin/telec serve\n")
    write(home / ".zfunc/_telec", "#compdef telec\n_telec() { :; }\n")
    write(home / ".config/fish/conf.d/telec.fish", f"fish_add_path {checkout}/bin\n")


def write_json(path: Path, document: object) -> None:
    """Write a file as the agents do."""
    write(path, json.dumps(document, indent=2, ensure_ascii=False))
