"""A run that was cut off: how it is known, how it is planned again, and how what nobody needs of it goes.

The target tells of it by the run's row, the state directory by a journal without an end; either alone is enough.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from teleclaude.db.url import display_url
from teleclaude.migration.inventory import Inventory, JournaledRun, SourceDatabase, TargetRun, TargetState
from teleclaude.migration.journal import SETTLED, remove_empty, try_entry, write_entry, write_private
from teleclaude.migration.locks import remove_dead
from teleclaude.migration.options import Options
from teleclaude.migration.plan import Plan, make_plan
from teleclaude.migration.published import is_of, published_paths, remove_docs, remove_files
from teleclaude.migration.tables import EVENTS, LEGACY
from teleclaude.migration.way_back import write_down

Obstacle = tuple[str, str]
"""A sentence, and the remedy."""


@dataclass(frozen=True)
class Interrupted:
    """A run that was cut off, as the target and the state directory tell of it."""

    run: str
    on_target: TargetRun | None
    journal: JournaledRun | None

    @property
    def is_complete(self) -> bool:
        """Whether it was cut off after its last step."""
        return self.on_target is not None and self.on_target.state == "complete"

    @property
    def sentence(self) -> str:
        """What happened."""
        if self.is_complete:
            return f"the migration {self.run} is complete, and was cut off before it could say so"
        return f"the migration {self.run} was cut off after its commit; it is neither finished nor taken back"


def start_entry(plan: Plan) -> dict[str, Any]:
    """Return the first entry of the journal: what it takes to plan the same run again, and no secret."""
    return {
        "event": "start",
        "run": plan.run,
        "pid": os.getpid(),
        "dry_run": plan.dry_run,
        "started_at": plan.started_at.isoformat(),
        "options": {
            "source": str(plan.checkout),
            "home": str(plan.home),
            "person": plan.owner.person if plan.owner else None,
            "uid": plan.owner.uid if plan.owner else None,
            "timezone": plan.timezone,
            "batch_size": plan.batch_size,
        },
        "target": display_url(plan.url) if plan.url else None,
        "schema_stood": plan.schema_stands,
        "sources": digests(plan.databases),
        "files": [str(path) for path in published_paths(plan)],
        "docs": str(plan.layout.docs),
        "snippets": [str(doc.relative) for doc in plan.docs],
        "private": str(plan.private),
        "new_directories": [str(path) for path in plan.new_directories],
    }


def digests(databases: tuple[SourceDatabase, ...]) -> dict[str, str]:
    """Return the sha256 of every file of the old databases that was copied."""
    return {str(file.path): file.sha256 for database in databases for file in database.files}


def write_start(plan: Plan) -> None:
    """Write down how to go back, before there is anything to go back from; a rehearsal never has."""
    for path, content in () if plan.dry_run else write_down(plan):
        write_private(path, content)
    write_entry(plan.folder, start_entry(plan))


def find_interrupted(inventory: Inventory) -> Interrupted | None:
    """Return the run that has to be finished or taken back first, None where there is none."""
    runs = {run.run: run for run in inventory.target.runs} if inventory.target else {}
    journals = {journal.run: journal for journal in inventory.journals}
    for name, run in runs.items():
        if run.state == "pending":
            return Interrupted(name, run, journals.get(name))
    for name, journal in sorted(journals.items()):
        if name in runs or _leaves_something(journal, inventory):
            return Interrupted(name, runs.get(name), journal)
    return None


def _leaves_something(journal: JournaledRun, inventory: Inventory) -> bool:
    unknown = inventory.target is None or not _same_target(journal, inventory.url)
    return (journal.committing and unknown) or any(is_of(inventory, journal.run, path) for path in _places(journal))


def _same_target(journal: JournaledRun, url: URL | None) -> bool:
    return url is not None and journal.start.get("target") == display_url(url)


def _places(journal: JournaledRun) -> tuple[Path, ...]:
    return (*map(Path, journal.start["files"]), Path(journal.start["docs"]))


def settle(journal: JournaledRun, inventory: Inventory) -> None:
    """Remove what a run left that is neither on the target nor published, and close its journal."""
    remove_dead(Path(journal.start["private"]))
    remove_files(inventory, journal.run, tuple(map(Path, journal.start["files"])))
    remove_docs(journal.run, Path(journal.start["docs"]), [Path(name) for name in journal.start["snippets"]])
    remove_empty(tuple(map(Path, journal.start["new_directories"])))
    try_entry(journal.folder, SETTLED)


def same_options(options: Options, interrupted: Interrupted) -> Options:
    """Return the options of the run that was cut off, as far as its journal knows them."""
    if interrupted.journal is None:
        return options
    saved = interrupted.journal.start["options"]
    return replace(options, **{**saved, "source": Path(saved["source"]), "home": Path(saved["home"])})


def plan_again(options: Options, inventory: Inventory, interrupted: Interrupted) -> Plan:
    """Return the plan of the run that was cut off, made from a fresh copy of its source."""
    start: Mapping[str, Any] = interrupted.journal.start if interrupted.journal else {}
    began = start.get("started_at") or (interrupted.on_target.started_at if interrupted.on_target else None)
    existing = inventory.destinations.existing
    destinations = replace(
        inventory.destinations,
        existing=frozenset(path for path in existing if not is_of(inventory, interrupted.run, path)),
        new_directories=tuple(map(Path, start.get("new_directories", ()))),
    )
    again = replace(
        inventory,
        run=interrupted.run,
        started_at=began or inventory.started_at,
        destinations=destinations,
        target=as_before(inventory.target, schema_stood=start.get("schema_stood", False)) if inventory.target else None,
    )
    return make_plan(options, again)


def as_before(target: TargetState, *, schema_stood: bool) -> TargetState:
    """Return the target as it was before a migration came to it."""
    return replace(
        target,
        rows=dict.fromkeys(target.rows, 0) if schema_stood else {},
        revision=target.revision if schema_stood else None,
        taken=target.taken - target.carried,
        schemas=target.schemas - {LEGACY, EVENTS},
        carried=frozenset(),
        runs=(),
    )


def find_obstacle(plan: Plan, inventory: Inventory, interrupted: Interrupted) -> Obstacle | None:
    """Return why nothing can be done about the run here and now, and the remedy."""
    journal, target = interrupted.journal, inventory.target
    if target is None and (inventory.url is not None or journal is None):
        trouble = next(each for each in inventory.troubles if each.subject == "target")
        return trouble.message, trouble.hint
    if target is not None and target.held_by:
        return target.held_by, "stop it and run again"
    if interrupted.on_target is None and journal is not None and not _same_target(journal, inventory.url):
        said = journal.start.get("target")
        return f"{interrupted.sentence}, and it went to {said}", f"say --target {said} with --resume or --undo"
    if journal is not None and {*_places(journal)} != {*published_paths(plan), plan.layout.docs}:
        hint = "say --root, and set TELECLAUDE_CONFIG_PATH and its like, as for that run"
        return f"the migration {interrupted.run} wrote to other places, such as {_places(journal)[0]}", hint
    return None
