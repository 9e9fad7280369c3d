"""What the operator should know of how the old tables read. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from teleclaude.db.models import Model
from teleclaude.migration.plan import problems
from teleclaude.migration.plan.tables import TablePlan, renamed_columns
from teleclaude.migration.report.events import Finding, error, note, warning
from teleclaude.migration.source.installation import SourceDatabase, SourceTable
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.old_schema import OWNERS, find_models, fold, missing_columns
from teleclaude.migration.values.identifiers import MOST_COLUMNS, quote
from teleclaude.printable import count

_UNPACKS_STATE = "001_add_ux_columns"
"""The schema change that made rows of what `ux_state` said of messages to delete (facts: schema history)."""


def find_notices(inventory: Inventory, plans: Sequence[TablePlan]) -> Iterator[Finding]:
    """Yield what is worth knowing of each table, and an error where a table cannot be moved."""
    database = inventory.database
    tables = database.tables if database is not None else ()
    models = find_models(tables)
    for table in tables:
        if table.name in models:
            yield from _note_known(table, models[table.name])
    for plan in plans:
        if plan.legacy:
            yield from _note_legacy(plan)
    if database is not None:
        yield from _note_database(database, trial=inventory.layout.root is not None)
    for each in inventory.databases:
        yield from _note_file(each)
        for table in each.tables:
            yield from _note_unread(each, table)


def _note_known(table: SourceTable, model: str) -> Iterator[Finding]:
    if table.name.lower() != model:
        yield warning(model, problems.REBUILT.fill(table=table.name))
    missing = missing_columns(table, model)
    if missing:
        yield note(model, problems.MISSING_COLUMNS.fill(columns=", ".join(missing)))
    if model == "sessions" and any(column.name == "user_role" for column in table.columns):
        yield note("sessions.human_role", problems.ROLE_UNSURE)
    owners = ", ".join(column.name for column in table.columns if fold(column.name) in OWNERS)
    if model == "sessions" and owners:
        yield warning("sessions", problems.OWNERS_KEPT.fill(columns=owners))


def _note_legacy(plan: TablePlan) -> Iterator[Finding]:
    if len(plan.columns) > MOST_COLUMNS:
        yield error("source", problems.TOO_MANY_COLUMNS.fill(table=plan.source, count=len(plan.columns)))
    # The legacy columns of a model's table are in a table of the model's name.
    if plan.name != plan.source and plan.name not in Model.metadata.tables:
        yield note(plan.label, problems.TABLE_RENAMED.fill(table=quote(plan.source)))
    renamed = [f"{column.read} as {column.name}" for column in renamed_columns(plan)]
    if renamed:
        yield note(plan.label, problems.COLUMNS_RENAMED.fill(columns=", ".join(renamed)))


def _note_database(database: SourceDatabase, *, trial: bool) -> Iterator[Finding]:
    if database.pending_deletions and _UNPACKS_STATE not in database.migrations:
        messages = count(database.pending_deletions, "message")
        yield note("sessions.ux_state", problems.STATE_NOT_UNPACKED.fill(messages=messages))
    if database.waiting:
        queues = ", ".join(f"{rows} in {name}" for name, rows in database.waiting)
        filled = (problems.ROWS_STAY if trial else problems.ROWS_WAIT).fill(queues=queues)
        yield note("queues", filled) if trial else warning("queues", filled)


def _note_file(database: SourceDatabase) -> Iterator[Finding]:
    path = database.path
    if database.names.links > 1:
        words = {"path": path, "links": database.names.links, "quoted": shlex.quote(str(path))}
        yield warning("source", problems.HARD_LINKS.fill(**words))
    for part in database.names.unread:
        yield warning("source", problems.PART_UNREAD.fill(part=part, path=database.real.path))


def _note_unread(database: SourceDatabase, table: SourceTable) -> Iterator[Finding]:
    """Yield what of a table was not read, and why."""
    for name, reason in table.computed:
        yield warning(f"{table.name}.{name}", problems.COLUMN_LEFT.fill(reason=reason))
    if table.closed:
        yield warning(table.name, problems.VIRTUAL_LEFT.fill(reason=table.closed))
    for index in table.broken_indexes:
        words = {"index": index, "path": database.path, "quoted": shlex.quote(str(database.path))}
        yield warning(table.name, problems.INDEX_BROKEN.fill(**words))
