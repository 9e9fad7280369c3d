"""The way back, in commands that a person can run. Pure."""

from __future__ import annotations

import shlex

from teleclaude.db.url import display_url
from teleclaude.layout import OLD_UNIT
from teleclaude.migration.plan import Plan
from teleclaude.migration.transfer import undo_statements


def empty_target(plan: Plan) -> tuple[str, ...]:
    """Return the command that empties the database again."""
    if plan.url is None:
        return ()
    # Without the stars, libpq asks for the password or takes it from PGPASSWORD or ~/.pgpass.
    url = display_url(plan.url.set(query={k: v for k, v in plan.url.query.items() if k != "sslpassword"}))
    sql = "; ".join(undo_statements(plan))
    return (f"psql {shlex.quote(url.replace(':***@', '@'))} --single-transaction -c {shlex.quote(sql)}",)


def remove_config(plan: Plan) -> tuple[str, ...]:
    """Return the command that removes the published configuration."""
    paths = (plan.layout.system_config, plan.layout.secrets, plan.user_config)
    return (f"rm -f {' '.join(shlex.quote(str(path)) for path in paths)}",)


def remove_docs(plan: Plan) -> tuple[str, ...]:
    """Return the command that removes the published snippets."""
    return (f"rm -rf {shlex.quote(str(plan.layout.docs))}",) if plan.docs else ()


def describe_way_back(plan: Plan) -> tuple[str, ...]:
    """Return how to go back to the single-user installation after a success."""
    mac = plan.platform == "darwin"
    old = OLD_UNIT.get(plan.platform, OLD_UNIT["linux"])
    stop = (
        f"sudo launchctl bootout system/{plan.layout.unit}"
        if mac
        else f"sudo systemctl disable --now {plan.layout.unit}"
    )
    start = (
        f"launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/{old}.plist" if mac else f"sudo systemctl start {old}"
    )
    return (
        "# The old installation is untouched: every file of it is what it was before.",
        "# What is written to the new system from now on is not in the old one.",
        "# 1. Stop the new daemon, if it was started.",
        stop,
        "# 2. Remove what was published, and empty the database.",
        *remove_config(plan),
        *remove_docs(plan),
        *empty_target(plan),
        "# 3. Start the old daemon again.",
        start,
    )
