"""What stands in the way of a migration, all of it at once. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from teleclaude.migration.report.events import CutoverItem, Finding, Severity, error, warning
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.references import Kind, Service
from teleclaude.migration.source.target import TargetState
from teleclaude.migration.values.identifiers import EVENTS, LEGACY
from teleclaude.platform.names import Names, names_of

OLDEST_SERVER, NEWEST_SERVER = 15, 18


def find_refusals(inventory: Inventory, leads: Sequence[CutoverItem], *, dry_run: bool) -> Iterator[Finding]:
    """Yield an error for everything that must be fixed first, and warnings beside them.

    `leads` is what still leads to the old installation. A rehearsal does what can be done without a target that can be
    reached, but not with one that nobody could ever reach.
    """
    for trouble in inventory.problems:
        bearable = dry_run and trouble.subject == "target" and inventory.url is not None
        yield replace(trouble, severity=Severity.WARNING) if bearable else trouble
    if inventory.url is None and all(trouble.subject != "target" for trouble in inventory.problems):
        hint = "use --target postgresql://USER@HOST/DATABASE, or set PGHOST and PGDATABASE"
        unnamed = error("target", "no target is named", hint)
        yield replace(unnamed, severity=Severity.WARNING) if dry_run else unnamed
    for activity in inventory.activities:
        yield (error if activity.stops else warning)("source", activity.problem)
    for service in inventory.services:
        yield from _refuse_service(service, names_of(inventory.platform))
    for lead in leads:
        if lead.kind == Kind.CRON and lead.needed:
            where = f"{lead.path}, {lead.place}"
            yield error("source", f"cron starts the old program: {where}", lead.command)
    if inventory.target is not None:
        yield from _refuse_target(inventory.target)
    yield from _refuse_places(inventory)


def _refuse_service(service: Service, names: Names) -> Iterator[Finding]:
    unit, manager, commands = service.unit, names.manager_name, names.commands
    if service.running:
        yield error("source", f"{manager} keeps {unit.name} running", f"stop it: {unit.fill(commands.stop)}")
    elif service.at_boot:
        yield warning("source", f"{manager} starts {unit.name} {names.starts}", unit.fill(commands.disable))


def _refuse_target(target: TargetState) -> Iterator[Finding]:
    major = target.server_version // 10_000
    if major < OLDEST_SERVER:
        yield error("target", f"the server is PostgreSQL {major}", f"use PostgreSQL {OLDEST_SERVER} or newer")
    if major > NEWEST_SERVER:
        yield warning("target", f"PostgreSQL {major} is newer than what was tried", f"tried: up to {NEWEST_SERVER}")
    if target.encoding != "UTF8":
        yield error(
            "target",
            f"the database is encoded in {target.encoding}",
            "create it with ENCODING 'UTF8'",
        )
    if target.standby:
        yield error("target", "the server is a standby and cannot be written to", "name the primary server")
    if not target.may_create:
        yield error("target", "the role may not create tables and schemas there", "let the role own the database")
    if target.held_by:
        yield error("target", target.held_by, "stop it and run again")
    yield from _refuse_content(target)


def _refuse_content(target: TargetState) -> Iterator[Finding]:
    full = [f"{name} ({rows})" for name, rows in sorted(target.rows.items()) if rows]
    if full:
        by = "".join(f"; the migration {run.run} into it is {run.state}" for run in target.runs)
        remedy = "name an empty database, or empty this one if nobody needs it"
        if target.runs:
            remedy = "it is done, so start the new daemon; to do it again, first go back by the run's rollback.txt"
        yield error(
            "target",
            f"the database is not empty; these tables hold rows: {', '.join(full)}{by}",
            remedy,
        )
    elif target.rows and target.revision is None:
        yield error(
            "target",
            f"the database has tables of these names that are not TeleClaude's: {', '.join(sorted(target.rows))}",
            "name another database",
        )
    if target.revision not in (None, target.head):
        release = f"use the release that fits, or an empty database; this program needs {target.head}"
        yield error("target", f"the database is at schema revision {target.revision}", release)
    for name in sorted({LEGACY, EVENTS} & target.schemas) if not target.runs else ():
        yield error("target", f"the database has a schema named {name}, which this needs", "rename or drop it")


def _refuse_places(inventory: Inventory) -> Iterator[Finding]:
    # What a complete run has published goes with its rollback, and nobody should move it away.
    published = inventory.target is not None and inventory.target.runs
    for path in () if published else sorted(inventory.destinations.existing):
        yield error("files", f"{path} exists and would be replaced", "move it away, or give another --root")
    for path in inventory.destinations.not_writable:
        remedy = "run as root, or give a --root of your own"
        if inventory.is_root:
            change = f"chmod u+w {shlex.quote(str(path))}"
            remedy = f"let its owner write to it: {change}; a read-only disk refuses all the same"
        yield error("files", f"{path} cannot be written to", remedy)
    for path in inventory.destinations.unsafe_folders:
        reason = f"a user without privileges can change {path}, so nothing of the system may be put there"
        yield error("files", reason, "let it belong to root, and let nobody else write to it")
    yield from _refuse_run_folder(inventory)
    if inventory.is_root and not inventory.destinations.service_user_exists and inventory.layout.root is None:
        yield error("files", "the service user does not exist", "run bin/install-system.sh, or try with --root DIR")


def _refuse_run_folder(inventory: Inventory) -> Iterator[Finding]:
    door = inventory.destinations.unsafe_run_folder
    if door is not None:
        reason = f"a user without privileges can change {door}, so the folder of the run may not be there"
        to_root = "run bin/install-system.sh, which gives it to root"
        elsewhere = "use --report-dir with a folder of root's"
        yield error("files", reason, to_root if door == inventory.layout.state else elsewhere)
