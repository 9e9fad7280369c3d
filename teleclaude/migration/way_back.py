"""The way back, in commands that a person can run. Pure."""

from __future__ import annotations

import shlex
from pathlib import Path

from teleclaude.db import schema
from teleclaude.db.models import Model
from teleclaude.db.url import display_url
from teleclaude.layout import OLD_UNIT
from teleclaude.migration.plan import Plan
from teleclaude.migration.shapes import quote
from teleclaude.migration.tables import EVENTS, LEGACY, ORIGIN


def undo_statements() -> tuple[str, ...]:
    """Return the SQL that empties the target again; it needs to know nothing of the run."""
    ours = [quote(name) for name in (*Model.metadata.tables, schema.VERSION_TABLE)]
    # Neither schema stood before, or the run would have been refused: everything in them is ours.
    schemas = (f"DROP SCHEMA IF EXISTS {quote(name)} CASCADE" for name in (LEGACY, EVENTS))
    search = f"DROP FUNCTION {', '.join(schema.FUNCTIONS)}"
    return (f"DROP TABLE {', '.join(ours)}", DROP_CARRIED, search, *schemas)


DROP_CARRIED = f"""DO $$ DECLARE carried regclass; BEGIN
  FOR carried IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
    AND obj_description(oid, 'pg_class') LIKE '{ORIGIN}%' LOOP EXECUTE 'DROP TABLE ' || carried; END LOOP;
END $$"""  # noqa: S608
"""Drops the tables that the models do not know, by the comment that says where they come from."""


def undo_script(plan: Plan) -> Path:
    """Return where the SQL that empties the target lies."""
    return plan.folder / "undo.sql"


def empty_target(plan: Plan) -> tuple[str, ...]:
    """Return the command that empties the database again."""
    if plan.url is None:
        return ()
    # Without the stars, libpq asks for the password or takes it from PGPASSWORD or ~/.pgpass.
    url = display_url(plan.url).replace(":***@", "@")
    script = shlex.quote(str(undo_script(plan)))
    return (f"{_sudo(plan)}psql {shlex.quote(url)} --set ON_ERROR_STOP=1 --single-transaction --file {script}",)


def remove_config(plan: Plan) -> tuple[str, ...]:
    """Return the command that removes the published configuration."""
    paths = (plan.layout.system_config, plan.layout.secrets, plan.user_config)
    return (f"{_sudo(plan)}rm -f {' '.join(shlex.quote(str(path)) for path in paths)}",)


def _sudo(plan: Plan) -> str:
    return "sudo " if plan.as_service_user else ""


def remove_docs(plan: Plan) -> tuple[str, ...]:
    """Return the command that removes the published snippets."""
    return (f"{_sudo(plan)}rm -rf {shlex.quote(str(plan.layout.docs))}",) if plan.docs else ()


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
