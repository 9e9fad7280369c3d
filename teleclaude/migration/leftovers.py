"""What of an old installation is deliberately not carried. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from teleclaude.migration.inventory import Inventory
from teleclaude.migration.report import Left

HOME_ENTRIES = {
    "state": "state of the terminal interface and of cron; stays with the user",
    "projects.yaml": "the user's own list of projects; stays with the user",
    "people": "profiles go into the configuration; notes and subscriptions beside them stay",
    "help-desk": "workspace of the help desk",
    "company": "event cartridges",
    "personal": "event cartridges",
    "helpdesk": "event cartridges",
    "sandbox-cartridges": "event cartridges",
    "credentials": "credentials of the agents; stay with the user",
    "bin": "scripts of the old installation",
    "scripts": "scripts of the old installation",
    "tmp": "temporary files",
    "config.yml": "not part of the old installation",
}


OWN_TRIGGERS = frozenset(f"{prefix}_{event}" for prefix in ("memory_obs", "mirrors") for event in ("ai", "ad", "au"))
"""What the old program made to keep its search indexes in step (facts: schema)."""

OTHERS = {
    "view": "a view holds no data; its query is SQLite's and would have to be written anew",
    "trigger": "a trigger is a program in SQLite's language; it would have to be written anew",
}


def find_leftovers(inventory: Inventory) -> Iterator[Left]:
    """Yield everything of the old installation that stays where it is, with the reason."""
    for database in (found for found in (inventory.database, inventory.events) if found is not None):
        for kind, name in database.others:
            if name not in OWN_TRIGGERS:
                yield Left(f"{kind} {name} in {database.path}", OTHERS[kind])
    for entry in inventory.home_entries:
        if entry in HOME_ENTRIES:
            yield Left(f"~/.teleclaude/{entry}", HOME_ENTRIES[entry])
    for name, reason in inventory.docs_left:
        yield Left(f"~/.teleclaude/docs/{name}", reason)
    yield Left("transcripts of the agents", "stay in the home; sessions and mirrors refer to them by path")
