"""What the old program and its agents keep, by the place where it lies. Pure."""

from __future__ import annotations

from pathlib import Path

HOME_ENTRIES = {
    ".env": ("a link to .env of the checkout", "a link; what it leads to is carried"),
    "state": ("state of the terminal interface, cron and the sessions' windows", "stays with the user"),
    "projects.yaml": ("the user's list of projects", "stays with the user"),
    "help-desk": ("workspace of the help desk", "agents work in it where it is"),
    "company": ("event cartridges", "programs of the user; the new daemon runs none"),
    "personal": ("event cartridges", "programs of the user; the new daemon runs none"),
    "helpdesk": ("event cartridges", "programs of the user; the new daemon runs none"),
    "sandbox-cartridges": ("event cartridges", "programs of the user; the new daemon runs none"),
    "credentials": ("credentials of the agents", "secrets of the user's; the agents read them there"),
    "bin": ("scripts", "part of the old program"),
    "scripts": ("scripts", "part of the old program"),
    "tmp": ("temporary files of sessions", "of no use to another daemon"),
    "cron_runner.pid": ("the lock of the cron runner", "of no use to another daemon"),
    "config.yml": ("a file of this name", "not part of the old installation"),
}
"""What lies in `~/.teleclaude` and stays: what it is, and why it stays."""

CHECKOUT_ENTRIES = {
    "teleclaude.pid": ("the lock of the old daemon", "of no use to another daemon"),
    "teleclaude.yml": ("configuration of the checkout as a project", "belongs to the project"),
    "workspace": ("output of old sessions", "stays with the user"),
    "docs": (
        "snippets, the shared ones among them",
        "the shared ones are carried from ~/.teleclaude/docs; no other is",
    ),
    "logs": ("logs", "tell of the old daemon"),
    "playwright-profile": ("a browser's profile with its cookies", "secrets of the user's"),
}
"""What lies in the checkout and stays."""

ELSEWHERE = {
    ".local/state/telec": ("who is logged in at the command line", "the new daemon knows its callers by their user id"),
    ".claude/projects": ("transcripts of an agent", "sessions and mirrors refer to them by path"),
    ".codex/sessions": ("transcripts of an agent", "sessions and mirrors refer to them by path"),
    ".gemini/tmp": ("transcripts of an agent", "sessions and mirrors refer to them by path"),
    ".config/youtube/cookies.txt": ("cookies", "secrets of the user's"),
    ".memory-management-api": ("the database of another program", "the old program only imported from it"),
    "/var/log/instrukt-ai/teleclaude": ("logs", "tell of the old daemon"),
}
"""Places below the home, or absolute ones, and why what is there stays."""

INDEX = Path("index.yaml")
"""Built anew for the new place."""

DOC_BYTES = 16 << 20
