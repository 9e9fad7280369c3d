"""What the operator should know of how the old tables read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from teleclaude.db.models import Model
from teleclaude.migration.plan.tables import TablePlan, renamed_columns
from teleclaude.migration.report.events import Finding, error, note, warning
from teleclaude.migration.source.installation import SourceTable
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.old_schema import find_models, missing_columns
from teleclaude.migration.values.identifiers import MOST_COLUMNS, quote

UNPACKS_STATE = "001_add_ux_columns"
"""The schema change that made rows of what `ux_state` said of messages to delete (facts: schema history)."""


def find_notices(inventory: Inventory, plans: Sequence[TablePlan]) -> Iterator[Finding]:
    """Yield what is worth knowing of each table, and an error where one cannot be carried."""
    tables = inventory.database.tables if inventory.database else ()
    models = find_models(tables)
    for table in tables:
        if table.name in models:
            yield from _note_known(table, models[table.name])
    for plan in plans:
        if plan.legacy:
            yield from _note_carried(plan)
    yield from _note_state(inventory)
    yield from _note_queues(inventory)
    yield from _note_account(inventory)


def _note_known(table: SourceTable, model: str) -> Iterator[Finding]:
    if table.name.lower() != model:
        yield warning(
            model,
            f"its rows are those of {table.name}, which a change of the schema that was cut off left behind",
            "nothing to do; every row of it is carried",
        )
    missing = missing_columns(table, model)
    if missing:
        hint = "nothing to do; an older release did not know them"
        yield note(model, f"the old table has less; defaults stand in {', '.join(missing)}", hint)
    if model == "sessions" and any(column.name == "user_role" for column in table.columns):
        yield note(
            "sessions.human_role",
            "an old release made every session without a role an admin's, so that role proves nothing",
            "set the roles of people in the configuration",
        )


def _note_carried(plan: TablePlan) -> Iterator[Finding]:
    if len(plan.columns) > MOST_COLUMNS:
        yield error(
            "source",
            f"the table {plan.source} has {len(plan.columns)} columns to carry, PostgreSQL holds {MOST_COLUMNS}",
            "take columns away that nobody needs, in a copy of the database",
        )
    hint = "nothing to do; comments in the database keep the old names"
    # What is carried beside rows of a model has the name of the model.
    if plan.name != plan.source and plan.name not in Model.metadata.tables:
        yield note(
            plan.label, f"this is the old table {quote(plan.source)}, a name that PostgreSQL cannot hold here", hint
        )
    renamed = [f"{column.read} as {column.name}" for column in renamed_columns(plan)]
    if renamed:
        said = ", ".join(renamed)
        yield note(plan.label, f"columns whose names PostgreSQL cannot hold are carried under others: {said}", hint)


def _note_queues(inventory: Inventory) -> Iterator[Finding]:
    waiting = inventory.database.waiting if inventory.database else ()
    if waiting:
        listed = ", ".join(f"{rows} in {name}" for name, rows in waiting)
        yield warning(
            "queues",
            f"rows wait there to be sent, and both databases hold them from now on: {listed}",
            "start the new daemon or the old one, never both: each would send them",
        )


def _note_account(inventory: Inventory) -> Iterator[Finding]:
    """Warn where whoever has the sessions could not list them: the daemon knows people by their accounts."""
    name = inventory.user_name
    if inventory.layout.root is not None:
        # Of a trial the caller is the operator, whoever that is.
        return
    if inventory.people and name not in (None, "root", *(person.username for person in inventory.people)):
        yield warning(
            "owner",
            f"no entry of people has the username {name}, so the new daemon would not know who calls",
            f"write username: {name} into the right one in {inventory.layout.system_config}, then start the daemon",
        )


def _note_state(inventory: Inventory) -> Iterator[Finding]:
    database = inventory.database
    if database is not None and database.pending_deletions and UNPACKS_STATE not in database.migrations:
        yield note(
            "sessions.ux_state",
            f"{database.pending_deletions} messages that were to be deleted are named there, and become no rows of "
            "pending_message_deletions",
            "nothing to do; they are in legacy.sessions.ux_state",
        )
