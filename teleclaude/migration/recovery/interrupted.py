"""A run that was cut off: how it is found, how it is planned again, and how what nobody needs of it is removed.

Its row on the target or a journal without an end shows that there is one; either alone is enough.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import URL

from teleclaude.db.url import display_url
from teleclaude.errors import Problem
from teleclaude.migration.plan.plan import Plan, make_plan, published_paths
from teleclaude.migration.publish.published import is_of, remove_docs, remove_files
from teleclaude.migration.recovery.problems import OTHER_PLACES, OTHER_TARGET, TARGET_BUSY
from teleclaude.migration.source.inventory import Inventory, TargetRun, TargetState
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.run_record import JournaledRun, RunRecord
from teleclaude.migration.state.journal import SETTLED, Interrupted, try_entry
from teleclaude.migration.state.workspace import remove_commands, remove_empty, remove_killed
from teleclaude.migration.values.identifiers import EVENTS, LEGACY


def find_interrupted(inventory: Inventory) -> Interrupted | None:
    """Return the run that has to be finished or undone first, None where there is none."""
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
    unknown = inventory.target is None or not _same_target(journal.record, inventory.url)
    places = (*journal.record.files, journal.record.docs)
    return (journal.committing and unknown) or any(is_of(inventory, journal.run, path) for path in places)


def _same_target(record: RunRecord, url: URL | None) -> bool:
    return url is not None and record.target == display_url(url)


def settle(journal: JournaledRun, inventory: Inventory) -> None:
    """Remove what a run left that is neither on the target nor published, and close its journal."""
    record = journal.record
    remove_killed(record.private)
    remove_files(inventory, journal.run, record.files)
    remove_docs(journal.run, record.docs, record.snippets)
    remove_empty(record.new_directories)
    remove_commands(journal.folder)
    try_entry(journal.folder, SETTLED)


def same_options(options: Options, record: RunRecord | None) -> Options:
    """Return the options of the run that the record is of; target, root and recovery are those of today."""
    if record is None:
        return options
    given = {name: getattr(record, name) for name in ("home", "person", "uid", "timezone", "batch_size")}
    return replace(options, source=record.checkout, **given)


def plan_again(
    options: Options, inventory: Inventory, run: str, record: RunRecord | None, on_target: TargetRun | None = None
) -> Plan:
    """Return the plan of a run that was begun before, made from a fresh copy of its source."""
    began = record or on_target
    existing = inventory.destinations.existing
    destinations = replace(
        inventory.destinations,
        existing=frozenset(path for path in existing if not is_of(inventory, run, path)),
        new_directories=record.new_directories if record else (),
    )
    existed = record.schema_existed if record else False
    again = replace(
        inventory,
        run=run,
        started_at=began.started_at if began else inventory.started_at,
        destinations=destinations,
        target=_as_before(inventory.target, schema_existed=existed) if inventory.target else None,
    )
    return make_plan(options, again)


def _as_before(target: TargetState, *, schema_existed: bool) -> TargetState:
    """Return the target as it was before a migration came to it."""
    return replace(
        target,
        rows=dict.fromkeys(target.rows, 0) if schema_existed else {},
        revision=target.revision if schema_existed else None,
        taken=target.taken - target.legacy,
        schemas=target.schemas - {LEGACY, EVENTS},
        legacy=frozenset(),
        runs=(),
    )


def find_refusal(plan: Plan, inventory: Inventory, interrupted: Interrupted) -> Problem | None:
    """Return why nothing can be done about the run here and now."""
    record, target = interrupted.record, inventory.target
    if target is None and (inventory.url is not None or record is None):
        return next(finding.problem for finding in inventory.problems if finding.subject == "target")
    if target is not None and target.held_by:
        return TARGET_BUSY.fill(activity=target.held_by)
    if interrupted.on_target is None and record is not None and not _same_target(record, inventory.url):
        return OTHER_TARGET.fill(run=interrupted.run, target=record.reached_by)
    if record is not None and {*record.files, record.docs} != {*published_paths(plan), plan.inventory.layout.docs}:
        return OTHER_PLACES.fill(run=interrupted.run, path=record.files[0])
    return None
