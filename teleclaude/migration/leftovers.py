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


def find_leftovers(inventory: Inventory) -> Iterator[Left]:
    """Yield everything of the old installation that stays where it is, with the reason."""
    for entry in inventory.home_entries:
        if entry in HOME_ENTRIES:
            yield Left(f"~/.teleclaude/{entry}", HOME_ENTRIES[entry])
    for name, reason in inventory.docs_left:
        yield Left(f"~/.teleclaude/docs/{name}", reason)
    yield Left("transcripts of the agents", "stay in the home; sessions and mirrors refer to them by path")
