"""Which keys and variables of a single-user installation are whose, as data (facts: installation). Pure."""

from __future__ import annotations

import re

USER_SECTIONS = ("creds", "tts", "stt", "chiptunes")
"""Sections of config.yml that are one person's (facts: installation, class P)."""

USER_KEYS = (("computer", "trusted_dirs"), ("computer", "timezone"), ("agents", "default"))
"""Keys that are one person's inside sections of the system. `agents.default` stays there too, for everyone else."""

KEPT_FOR_EVERYONE = {("agents", "default"), ("computer", "timezone")}

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
"""Variables that are nobody's secret (facts: installation, environment variables); every other name counts as one."""

IDENTIFIERS = re.compile(
    r"TELEGRAM_(USER_IDS|SUPERGROUP_ID|ALERT_USERNAME)|DISCORD_\w+_ID|WHATSAPP_(PHONE_NUMBER_ID|BUSINESS_NUMBER)"
    r"|BREVO_SENDER_(EMAIL|NAME)|TELEC_AUTH_EMAIL"
)
"""Variables that are private and no secret: they go to the secrets, and are not looked for anywhere else."""

READ_FROM_CONFIG = frozenset(
    {
        *USER_SECTIONS,
        *IGNORED_SECTIONS,
        "agents",
        "computer",
        "discord",
        "experiments",
        "redis",
        "telegram",
        "terminal",
        "whatsapp",
    }
)
"""Sections that the old daemon looked for in config.yml alone (facts: installation)."""

READ_FROM_EVERYONE = frozenset(
    {
        "business",
        "channel_subscriptions",
        "deployment",
        "description",
        "event_domains",
        "git",
        "hooks",
        "integrator",
        "interests",
        "jobs",
        "people",
        "project_name",
        "subscriptions",
    }
)
"""Keys that it looked for in teleclaude.yml and not in config.yml, where nobody becomes an administrator."""

OUR_OWN = frozenset({"environment", "profiles", "config.yml", "teleclaude.yml"})
"""Keys that mean something new here."""

OLD_PLACES = {
    "TELECLAUDE_DB_PATH",
    "TELECLAUDE_CONFIG_PATH",
    "TELECLAUDE_ENV_PATH",
    "TELECLAUDE_PROJECT_CONFIG_PATH",
    "TELECLAUDE_SESSION_TMPDIR_BASE",
}
"""Variables that say where the old installation lives, and would mislead the new one."""
