"""Every file of an old installation: moved, and to where, or left, and why (facts: installation). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from teleclaude.db.url import display_url
from teleclaude.migration.report.events import Left, OldFile
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.known_files import CHECKOUT_ENTRIES, ELSEWHERE, HOME_ENTRIES
from teleclaude.migration.values.identifiers import EVENTS
from teleclaude.printable import count, printable

MOVED, LEFT = "moved", "left"
"""The outcomes of a file."""

UNKNOWN = ("not a known file of TeleClaude", "its purpose is not known")

_OWN_TRIGGERS = frozenset(f"{prefix}_{event}" for prefix in ("memory_obs", "mirrors") for event in ("ai", "ad", "au"))
"""The triggers that keep the old program's search indexes up to date (facts: schema)."""

_OTHERS = {
    "view": "a view holds no data; its query is in the SQL of SQLite and would have to be rewritten",
    "trigger": "a trigger is code in the SQL of SQLite and would have to be rewritten",
}


def find_old_files(inventory: Inventory, own_folders: tuple[str, ...]) -> Iterator[OldFile]:
    """Yield every kind of file that is there, and its outcome; the first of `own_folders` is that of the owner."""
    yield from _databases(inventory)
    yield from _checkout(inventory)
    yield from _home(inventory, own_folders)
    for path in inventory.elsewhere:
        name = str(path.relative_to(inventory.home)) if inventory.home in path.parents else str(path)
        yield _left(path, *ELSEWHERE[name])
    for service in inventory.services:
        yield _left(service.unit.path, "starts the old program", "cutover keeps it from starting")
    project = "every project's own teleclaude.yml, docs/project, docs/global, docs/third-party, agents/docs"
    yield OldFile(project, "configuration and snippets of projects", LEFT, "", "belong to the projects")


def find_leftovers(inventory: Inventory, old_files: tuple[OldFile, ...]) -> Iterator[Left]:
    """Yield everything that stays where it is, with the reason."""
    for database in (found for found in (inventory.database, inventory.events) if found is not None):
        for kind, name in database.others:
            if name not in _OWN_TRIGGERS:
                yield Left(f"{kind} {name} in {database.path}", _OTHERS[kind])
    for old_file in old_files:
        if old_file.outcome == LEFT:
            yield Left(old_file.path, f"{old_file.what}: {old_file.why}")
    for name, reason in inventory.docs_left:
        yield Left(f"~/.teleclaude/docs/{name}", reason)


def _left(path: Path, what: str, why: str) -> OldFile:
    return OldFile(printable(path), what, LEFT, "", why)


def _moved(path: Path, what: str, to: str | Path, why: str = "") -> OldFile:
    return OldFile(printable(path), what, MOVED, str(to), why)


def _databases(inventory: Inventory) -> Iterator[OldFile]:
    target = display_url(inventory.url) if inventory.url else "the target"
    of_events = (inventory.events, "the database of events", f"{target}, schema {EVENTS}")
    for database, what, to in ((inventory.database, "the database", target), of_events):
        if database is not None:
            yield _moved(database.path, what, to, database.why)
            for path in (file.path for file in database.files[1:]):
                yield _moved(path, "the last changes, which are not in the database file yet", to)


def _checkout(inventory: Inventory) -> Iterator[OldFile]:
    checkout, files = inventory.checkout, inventory.config_files
    config = files.origins[files.config] if files is not None else checkout / "config.yml"
    moved = _configuration(inventory, config)
    entries = {checkout / name for name in inventory.checkout_entries}
    elsewhere = {file.path for file in inventory.files} - entries
    yield from (file for path, file in moved.items() if path in elsewhere)
    rest = 0
    for name in inventory.checkout_entries:
        path = checkout / name
        if path in moved:
            yield moved[path]
        elif name in ("config.yml", "experiments.yml"):
            yield _left(path, "another configuration", f"TELECLAUDE_CONFIG_PATH in .env names {printable(config)}")
        elif name in CHECKOUT_ENTRIES:
            yield _left(path, *CHECKOUT_ENTRIES[name])
        elif name == "teleclaude.db" and inventory.database is not None and path != inventory.database.path:
            yield _left(path, "another database", "it has no rows; the database in use is elsewhere")
        elif not name.startswith("teleclaude.db"):
            rest += 1
    if rest:
        what = f"the old program and the files beside it, {count(rest, 'entry', 'entries')}"
        yield _left(checkout, what, "no longer needed")


def _configuration(inventory: Inventory, config: Path) -> dict[Path, OldFile]:
    layout, variables = inventory.layout, inventory.checkout / ".env"
    experiments = config.parent / "experiments.yml"
    everywhere = f"{layout.system_config}, {layout.secrets} and {inventory.user_config}"
    return {
        config: _moved(config, "the configuration", everywhere),
        variables: _moved(variables, "environment variables, secrets among them", layout.secrets),
        experiments: _moved(experiments, "experiments", layout.system_config),
    }


def _home(inventory: Inventory, own_folders: tuple[str, ...]) -> Iterator[OldFile]:
    state = inventory.home / ".teleclaude"
    configuration = f"{inventory.layout.system_config}, {inventory.layout.secrets}"
    for name in inventory.home_entries:
        path = state / name
        if name == "teleclaude.yml":
            yield _moved(path, "people, hooks, jobs and other settings of every user", configuration)
        elif name == "people":
            yield from _people(inventory, path, own_folders)
        elif name == "docs":
            yield from _docs(inventory, path)
        elif name in HOME_ENTRIES:
            yield _left(path, *HOME_ENTRIES[name])
        elif not name.startswith("events.db"):
            yield _left(path, *UNKNOWN)


def _people(inventory: Inventory, folder: Path, own_folders: tuple[str, ...]) -> Iterator[OldFile]:
    for file in inventory.files:
        if folder not in file.path.parents:
            continue
        name, *rest = file.path.relative_to(folder).parts
        if rest != ["teleclaude.yml"]:
            yield _left(file.path, f"notes or subscriptions of {name}", "stay with that user")
        elif name in own_folders[:1]:
            to = f"{inventory.user_config}; an invite_token to {inventory.layout.secrets}"
            yield _moved(file.path, f"the profile of {name}", to)
        else:
            yield _moved(file.path, f"the profile of {name}", f"{inventory.layout.secrets}, profiles")


def _docs(inventory: Inventory, folder: Path) -> Iterator[OldFile]:
    if inventory.docs:
        yield _moved(folder, f"shared snippets: {len(inventory.docs)}", inventory.layout.docs)
    if inventory.docs_index is not None:
        yield _moved(folder / inventory.docs_index.relative, "their index", inventory.layout.docs, "made again")
