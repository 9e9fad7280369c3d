"""Judges the user who looks. Pure."""

from __future__ import annotations

from teleclaude.checks.facts import Facts
from teleclaude.checks.result import Result, failure, passed, skipped

NO_SERVICE_USER = failure("this computer has no user {service}, the user of the daemon", "sudo bin/install-system.sh")
ANOTHER_CALLER = skipped("{caller} cannot see everything that the daemon sees", "sudo teleclaude self-check")
CANNOT_RUN = failure(
    "the user {service} cannot run {program}: {message}",
    "install it where that user can run it, not below the home of root: sudo bin/install-system.sh",
)


def judge(facts: Facts) -> Result:
    """The service user exists and is the one who looks."""
    setting = facts.setting
    if setting.trial:
        return passed("user", f"below a root of its own everything belongs to the caller, {setting.caller.name}")
    if setting.service is None:
        return NO_SERVICE_USER.found("user", setting.words)
    if not setting.sees_as_daemon:
        return ANOTHER_CALLER.found("user", setting.words, caller=setting.caller.name)
    return passed("user", f"seen as {setting.service.name}, the user of the daemon")
