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

_ANY_WORD = re.compile(r"[\w.:,-]{0,64}")

PLAIN_FORMS = (
    (re.compile(r"WORKING_DIR"), re.compile(r"[/~].*")),
    (re.compile(r"WHATSAPP_TEMPLATE_(NAME|LANGUAGE)|APPEARANCE_MODE"), _ANY_WORD),
    (re.compile(r"TELECLAUDE_(THIRD_PARTY_)?LOG_LEVEL|TELECLAUDE_THIRD_PARTY_LOGGERS"), _ANY_WORD),
    (
        re.compile(
            r"API_(TCP_PORT|WATCH_.*|RESTART_.*|WS_.*)|HOOK_OUTBOX_.*|CODEX_TRANSCRIPT_WATCH_INTERVAL_S"
            r"|GEMINI_START_EXTRA_DELAY_S|TELECLAUDE_MLX_.*|SANDBOX_.*"
        ),
        re.compile(r"[\d.]{0,20}|true|false|yes|no|on|off", re.IGNORECASE),
    ),
)
"""Names of variables that are not secret, and their values (facts: installation); every other one counts as secret."""

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

OUR_OWN = frozenset({"environment", "profiles", "people_extra", "sessions", "audit", "config.yml", "teleclaude.yml"})
"""Keys with a new meaning in the configuration of the system."""

OLD_PLACES = {
    "TELECLAUDE_DB_PATH",
    "TELECLAUDE_CONFIG_PATH",
    "TELECLAUDE_ENV_PATH",
    "TELECLAUDE_PROJECT_CONFIG_PATH",
    "TELECLAUDE_SESSION_TMPDIR_BASE",
}
"""Variables with places of the old installation, which the new one must not use."""
