"""The keys and variables of a single-user installation, by their layer (facts: installation). Pure."""

from __future__ import annotations

import re

USER_SECTIONS = ("creds", "tts", "stt", "chiptunes")
"""Sections of config.yml for one person (facts: installation, class P)."""

USER_KEYS = (("computer", "trusted_dirs"), ("computer", "timezone"), ("agents", "default"))
"""Keys for one person inside sections of the system."""

KEPT_FOR_EVERYONE = {("agents", "default"), ("computer", "timezone")}
"""Those of `USER_KEYS` that stay in the system too, for everyone else."""

IGNORED_SECTIONS = {
    "database": "located the old database; the new one is named by database.url",
    "polling": "not read since 2026-03-10",
    "mcp": "not read since 2025-12",
    "ui": "not read since 2026-02",
    "summarizer": "not read since 2026-02",
}

PLAIN_VARIABLES = re.compile(
    r"WHATSAPP_TEMPLATE_(NAME|LANGUAGE)|TELECLAUDE_LOG_LEVEL|WORKING_DIR|API_(TCP_PORT|WATCH_.*|RESTART_.*|WS_.*)"
    r"|HOOK_OUTBOX_.*|CODEX_TRANSCRIPT_WATCH_INTERVAL_S|GEMINI_START_EXTRA_DELAY_S|TELECLAUDE_MLX_.*|APPEARANCE_MODE"
)
"""Variables that are not secret (facts: installation, environment variables); every other one counts as secret."""

IDENTIFIERS = re.compile(
    r"TELEGRAM_(USER_IDS|SUPERGROUP_ID|ALERT_USERNAME)|DISCORD_\w+_ID|WHATSAPP_(PHONE_NUMBER_ID|BUSINESS_NUMBER)"
    r"|BREVO_SENDER_(EMAIL|NAME)|TELEC_AUTH_EMAIL"
)
"""Private variables that are not secret: they go to the secrets, but a text that repeats one is not a secret."""

READ_FROM_CONFIG = frozenset(
    {*USER_SECTIONS, *IGNORED_SECTIONS, "agents", "computer", "discord", "experiments"}
    | {"redis", "telegram", "terminal", "whatsapp"}
)
"""Sections that the old daemon read from config.yml alone (facts: installation)."""

READ_FROM_EVERYONE = frozenset(
    {"business", "channel_subscriptions", "deployment", "description", "event_domains", "git", "hooks", "integrator"}
    | {"interests", "jobs", "people", "project_name", "subscriptions"}
)
"""Keys that the old daemon read from teleclaude.yml and not from config.yml, such as the roles of people."""

OUR_OWN = frozenset({"environment", "profiles", "config.yml", "teleclaude.yml"})
"""Keys with a new meaning in the configuration of the system."""

OLD_PLACES = {
    "TELECLAUDE_DB_PATH",
    "TELECLAUDE_CONFIG_PATH",
    "TELECLAUDE_ENV_PATH",
    "TELECLAUDE_PROJECT_CONFIG_PATH",
    "TELECLAUDE_SESSION_TMPDIR_BASE",
}
"""Variables with places of the old installation, which the new one must not use."""
