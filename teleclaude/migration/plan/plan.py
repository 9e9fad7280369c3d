"""Every decision of the migration, made before anything is written, by a pure function of what was asked and seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from sqlalchemy import URL

from teleclaude import __version__
from teleclaude.db.url import display_url
from teleclaude.migration.plan import problems
from teleclaude.migration.plan.cutover import account_name, find_cutover
from teleclaude.migration.plan.mapping import ColumnMapping, MappingInput, make_event_tables, make_tables, map_columns
from teleclaude.migration.plan.notices import find_notices
from teleclaude.migration.plan.old_files import find_leftovers, find_old_files
from teleclaude.migration.plan.owner import (
    Owner,
    choose_owner,
    find_first_person,
    find_folder_notices,
    find_own_folders,
    find_owner_notices,
)
from teleclaude.migration.plan.prechecks import run_prechecks
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.report.events import CutoverItem, Finding, Left, OldFile, Severity, error, note
from teleclaude.migration.source.installation import Person, SourceDatabase
from teleclaude.migration.source.inventory import Inventory
from teleclaude.migration.source.options import Options
from teleclaude.printable import count


@dataclass(frozen=True)
class Plan:
    """What was asked, what was seen, and every decision made from both. A step needs nothing else."""

    options: Options
    inventory: Inventory
    folder: Path
    """The folder of the run: journal, ledger, report."""
    url: URL | None = field(repr=False)
    """The database to move to; None where it cannot be reached."""
    target: str | None
    """How a person reaches the database again: its URL without a password, with the file that has it."""
    schema_exists: bool
    """Whether the target already has our tables, empty."""
    owner: Owner | None
    first_person: Person | None
    """The owner as the first entry of `people` where that is empty; None where it is not.

    The old daemon then took every caller for the administrator; the new one knows people by their accounts alone.
    """
    own_folders: tuple[str, ...]
    """The folders of people that are the owner's; the file in the first becomes the user's own."""
    timezone: str
    """The zone that old local times are read in."""
    tables: tuple[TablePlan, ...]
    """Every table of the target that gets rows, in the order of the load."""
    mappings: tuple[ColumnMapping, ...]
    """Every column of the old databases, and where it goes."""
    old_files: tuple[OldFile, ...]
    """Every file of the old installation, and where it goes."""
    left: tuple[Left, ...]
    """Everything that is left where it is, and why."""
    cutover: tuple[CutoverItem, ...]
    """What still refers to the old installation and is to be changed; nothing after a trial."""
    user_account: str | None
    """The user as whom the rollback changes files in the home; None where that is the caller."""
    findings: tuple[Finding, ...]
    """What the operator should know before the first step; an error refuses the run."""

    @property
    def run(self) -> str:
        """The name of the run."""
        return self.inventory.run

    @property
    def is_trial(self) -> bool:
        """Whether everything goes below a root: nothing outside it is to be changed, not by a person either."""
        return self.inventory.layout.root is not None

    @property
    def started_at(self) -> datetime:
        """When the run began."""
        return datetime.fromisoformat(self.inventory.started_at)

    @property
    def refused(self) -> bool:
        """Whether something must be fixed first."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def databases(self) -> tuple[SourceDatabase, ...]:
        """The old databases, one or two."""
        return self.inventory.databases

    @property
    def ledger(self) -> Path:
        """The file that lists every value which is not stored as it was."""
        return self.folder / "ledger.jsonl"


MARK = "Written by teleclaude migrate-to-system, run {run}."
"""The first line of what we publish: an undo removes nothing without it."""


def published_paths(plan: Plan) -> tuple[Path, ...]:
    """Return the places of the three configuration files."""
    return plan.inventory.layout.system_config, plan.inventory.layout.secrets, plan.inventory.user_config


def make_plan(options: Options, inventory: Inventory) -> Plan:
    """Decide everything. A decision that cannot be made, and a reason to refuse, is a finding of the plan."""
    chosen, zone = choose_owner(options, inventory), _choose_zone(options, inventory)
    # Of people that could not be read nothing is said.
    decisions = (chosen, zone) if inventory.is_read else (zone,)
    undecided = [decision for decision in decisions if isinstance(decision, Finding)]
    # A run that was cut off has its owner from its record, also where the old installation is gone.
    knows = inventory.is_found or options.recovery is not None
    owner = chosen if isinstance(chosen, Owner) and knows else None
    tables, mappings = _plan_tables(inventory, owner, UTC if isinstance(zone, Finding) else zone)
    own_folders = find_own_folders(owner, inventory) if owner else ()
    old_files, references = tuple(find_old_files(inventory, own_folders)), tuple(find_cutover(inventory))
    return Plan(
        options=options,
        inventory=inventory,
        folder=_run_folder(options, inventory),
        url=inventory.url if inventory.target else None,
        target=_display_target(inventory),
        schema_exists=inventory.target is not None and inventory.target.revision is not None,
        owner=owner,
        first_person=find_first_person(owner, inventory) if owner else None,
        own_folders=own_folders,
        timezone=options.timezone or inventory.timezone or "UTC",
        tables=tables,
        mappings=mappings,
        old_files=old_files,
        left=tuple(find_leftovers(inventory, old_files)),
        cutover=references if inventory.layout.root is None else (),
        user_account=account_name(inventory),
        findings=(
            # Whose the sessions become is first, because the last page shows few warnings.
            *(find_owner_notices(options, inventory, owner) if owner and inventory.is_read else ()),
            *(find_folder_notices(owner, inventory) if owner and inventory.is_read else ()),
            *run_prechecks(inventory, references, dry_run=options.dry_run),
            *undecided,
            *_note_zone(options, inventory),
            *find_notices(inventory, tables),
        ),
    )


def _run_folder(options: Options, inventory: Inventory) -> Path:
    if options.report_dir is not None:
        return options.report_dir.absolute() / inventory.run
    return (inventory.private if options.dry_run else inventory.layout.migrations) / inventory.run


def _display_target(inventory: Inventory) -> str | None:
    if inventory.url is None or inventory.target is None:
        return None
    shown = display_url(inventory.url)
    files = [f"{name}={quote(inventory.password_from[name])}" for name in _FILES if name in inventory.password_from]
    return f"{shown}{'&' if '?' in shown else '?'}{files[0]}" if files else shown


_FILES = ("passfile", "service")
"""The parameters of a URL by which libpq finds a password in a file."""


def _choose_zone(options: Options, inventory: Inventory) -> tzinfo | Finding:
    """Return the zone that old naive local times are read in, UTC where none is known."""
    name = options.timezone or inventory.timezone
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        nearest = get_close_matches(name, available_timezones(), n=1) or ["ZONE, such as Europe/Amsterdam"]
        problem = problems.UNKNOWN_ZONE if options.timezone else problems.UNKNOWN_ZONE_THERE
        path = inventory.checkout / "config.yml"
        return error("source", problem.fill(zone=repr(name), nearest=nearest[0], path=path))


def _plan_tables(
    inventory: Inventory, owner: Owner | None, zone: tzinfo
) -> tuple[tuple[TablePlan, ...], tuple[ColumnMapping, ...]]:
    if inventory.database is None:
        return (), ()
    columns = (("owner_person", owner.person), ("owner_uid", owner.uid)) if owner else ()
    given = MappingInput(
        constants={"sessions": columns},
        taken=inventory.target.taken if inventory.target else frozenset(),
        zone=zone,
        started_at=datetime.fromisoformat(inventory.started_at),
    )
    tables = make_tables(inventory.database.tables, given)
    mappings = map_columns(inventory.database.tables, tables)
    if inventory.events is None:
        return tables, mappings
    of_events = make_event_tables(inventory.events.tables)
    of_its_columns = map_columns(inventory.events.tables, of_events)
    named = tuple(replace(mapping, table=f"events.db: {mapping.table}") for mapping in of_its_columns)
    return (*tables, *of_events), (*mappings, *named)


def _note_zone(options: Options, inventory: Inventory) -> Iterator[Finding]:
    if options.timezone is None and inventory.timezone is None and inventory.is_read:
        yield note("source", problems.NO_ZONE)


def describe(plan: Plan) -> dict[str, Any]:
    """Return what the report says of the plan: no secret, no password."""
    database = plan.inventory.database
    sessions = sum(table.rows for table in plan.tables if table.label == "sessions")
    return {
        "program": __version__,
        "run": plan.run,
        "started_at": plan.started_at.isoformat(),
        "dry_run": plan.options.dry_run,
        "recovery": plan.options.recovery,
        "source": {
            "checkout": str(plan.inventory.checkout),
            "home": str(plan.inventory.home),
            "database": str(database.path) if database else None,
            "why": database.why if database else None,
            "events": str(plan.inventory.events.path) if plan.inventory.events else None,
            "shape": _describe_shape(database) if database else None,
        },
        "target": {"url": plan.target, "schema_existed": plan.schema_exists},
        "root": str(plan.inventory.layout.root) if plan.inventory.layout.root else None,
        "owner": {**asdict(plan.owner), "sessions": sessions} if plan.owner else None,
        "folder": str(plan.folder),
        "folder_kept": plan.inventory.private not in plan.folder.parents,
        "queues": dict(database.waiting) if database else {},
        "timezone": plan.timezone,
        "columns": [asdict(mapping) for mapping in plan.mappings],
    }


def _describe_shape(database: SourceDatabase) -> str:
    tables, changes = count(len(database.tables), "table"), count(len(database.migrations), "schema change")
    return f"{tables}, {changes}, last {database.migrations[-1]}" if database.migrations else f"{tables}, {changes}"
