"""The files of the old program and its agents that are not moved, by their place. Pure."""

from __future__ import annotations

from pathlib import Path

HOME_ENTRIES = {
    ".env": ("a link to .env of the checkout", "a link; the file behind it is moved"),
    "state": ("state of the terminal interface, cron and the sessions' windows", "stays with the user"),
    "projects.yaml": ("the user's list of projects", "stays with the user"),
    "help-desk": ("workspace of the help desk", "agents work in it where it is"),
    "company": ("event cartridges", "programs of the user; the new daemon runs none"),
    "personal": ("event cartridges", "programs of the user; the new daemon runs none"),
    "helpdesk": ("event cartridges", "programs of the user; the new daemon runs none"),
    "sandbox-cartridges": ("event cartridges", "programs of the user; the new daemon runs none"),
    "credentials": ("credentials of the agents", "secrets of the user; the agents read them there"),
    "bin": ("scripts", "part of the old program"),
    "scripts": ("scripts", "part of the old program"),
    "tmp": ("temporary files of sessions", "useless to the new daemon"),
    "cron_runner.pid": ("the lock of the cron runner", "useless to the new daemon"),
    "config.yml": ("a file of this name", "not part of the old installation"),
}
"""Entries of `~/.teleclaude` that stay: what each is, and why it stays."""

CHECKOUT_ENTRIES = {
    "teleclaude.pid": ("the lock of the old daemon", "useless to the new daemon"),
    "teleclaude.yml": ("configuration of the checkout as a project", "belongs to the project"),
    "workspace": ("output of old sessions", "stays with the user"),
    "docs": (
        "snippets, the shared ones among them",
        "the shared ones are moved from ~/.teleclaude/docs; the others stay",
    ),
    "logs": ("logs", "are about the old daemon"),
    "playwright-profile": ("a browser's profile with its cookies", "secrets of the user"),
}
"""Entries of the checkout that stay."""

ELSEWHERE = {
    ".local/state/telec": ("who is logged in at the command line", "the new daemon knows its callers by their user id"),
    ".claude/projects": ("transcripts of an agent", "sessions and mirrors refer to them by path"),
    ".codex/sessions": ("transcripts of an agent", "sessions and mirrors refer to them by path"),
    ".gemini/tmp": ("transcripts of an agent", "sessions and mirrors refer to them by path"),
    ".config/youtube/cookies.txt": ("cookies", "secrets of the user"),
    ".memory-management-api": ("the database of another program", "the old program only imported from it"),
    "/var/log/instrukt-ai/teleclaude": ("logs", "are about the old daemon"),
}
"""Places below the home, or absolute ones, that stay."""

INDEX = Path("index.yaml")
"""The index of the docs, which is built anew."""

THIRD_PARTY = Path("third-party")
"""The folder of the docs that has an index of its own."""

DOC_BYTES = 16 << 20
"""The size of the largest snippet that is published."""
