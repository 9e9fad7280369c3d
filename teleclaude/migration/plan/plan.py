"""Every decision of the migration, made before anything is written, by a pure function of what was asked and seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import URL

from teleclaude import __version__
from teleclaude.db.url import display_url
from teleclaude.layout import Layout
from teleclaude.migration.plan.cutover import account_name, find_cutover
from teleclaude.migration.plan.mapping import Circumstances, ColumnMapping, make_event_tables, make_tables, map_columns
from teleclaude.migration.plan.notices import find_notices
from teleclaude.migration.plan.old_files import find_leftovers, find_old_files
from teleclaude.migration.plan.owner import Owner, choose_owner, find_first_person
from teleclaude.migration.plan.prechecks import find_refusals
from teleclaude.migration.plan.tables import TablePlan
from teleclaude.migration.report.events import CutoverItem, Finding, Left, OldFile, Severity, error, note
from teleclaude.migration.source.inventory import (
    Account,
    ConfigFiles,
    DocFile,
    Inventory,
    Person,
    SourceDatabase,
    SourceFile,
)
from teleclaude.migration.source.options import Options, Recovery


@dataclass(frozen=True)
class Plan:
    """Every name, order, path and URL of a run; each step runs from it alone."""

    run: str
    started_at: datetime
    platform: str
    dry_run: bool
    recovery: Recovery | None
    """What becomes of a run that was cut off; None for a new one."""
    batch_size: int
    private: Path
    """The private folder: copies of the source, gone at the end."""
    folder: Path
    """The run's own folder: journal, ledger, report."""
    layout: Layout
    user_config: Path
    home: Path
    checkout: Path
    database: SourceDatabase | None
    events: SourceDatabase | None
    files: tuple[SourceFile, ...]
    config_files: ConfigFiles | None
    url: URL | None = field(repr=False)
    password_file: str | None
    """The password file that the command line names, which a person needs again."""
    schema_stands: bool
    """Whether the target already has our tables, empty."""
    owner: Owner | None
    first_person: Person | None
    """The owner as the first entry of `people`, which lists nobody; None where it lists somebody."""
    timezone: str
    """The zone that old local times are read in."""
    tables: tuple[TablePlan, ...]
    mappings: tuple[ColumnMapping, ...]
    account: Account | None
    """With whose rights the old installation is read and that user's own file is written."""
    account_variables: Mapping[str, str]
    """What the account that the old daemon ran as gave to its environment."""
    docs: tuple[DocFile, ...]
    docs_index: DocFile | None
    old_files: tuple[OldFile, ...]
    """Every file of the old installation, and its mapping."""
    left: tuple[Left, ...]
    cutover: tuple[CutoverItem, ...]
    """What still leads to the old installation."""
    user_account: str | None
    """As whom files in the home are changed on the rollback, None where that is whoever goes it."""
    new_directories: tuple[Path, ...]
    as_service_user: bool
    """Whether files get the owners that they should have and the probe runs as the service user."""
    findings: tuple[Finding, ...]
    """What the operator should know before anything begins; an error refuses the run."""

    @property
    def refused(self) -> bool:
        """Whether something must be fixed first."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def databases(self) -> tuple[SourceDatabase, ...]:
        """The old databases, one or two."""
        return tuple(database for database in (self.database, self.events) if database is not None)

    @property
    def target(self) -> str | None:
        """How a person reaches the database again: its URL without a password, and with the password file."""
        if self.url is None or self.password_file is None:
            return display_url(self.url) if self.url else None
        shown = display_url(self.url)
        return f"{shown}{'&' if '?' in shown else '?'}passfile={quote(self.password_file)}"

    @property
    def ledger(self) -> Path:
        """The file of the values that could not be carried as they were."""
        return self.folder / "ledger.jsonl"


MARK = "Written by teleclaude migrate-to-system, run {run}."
"""The first line of what we publish: an undo removes nothing without it."""


def published_paths(plan: Plan) -> tuple[Path, ...]:
    """Return the places of the three configuration files."""
    return plan.layout.system_config, plan.layout.secrets, plan.user_config


def make_plan(options: Options, inventory: Inventory) -> Plan:
    """Decide everything. What cannot be decided, and what forbids the run, becomes a finding of the plan."""
    owner = choose_owner(options, inventory)
    zone = choose_zone(options.timezone or inventory.timezone)
    started_at = datetime.fromisoformat(inventory.started_at)
    tables, mappings = _plan_tables(inventory, owner, zone, started_at)
    old_files = tuple(find_old_files(inventory, owner.person if isinstance(owner, Owner) else None))
    leads = tuple(find_cutover(inventory))
    first = find_first_person(owner, inventory) if isinstance(owner, Owner) else None
    undecided = [decision for decision in (owner, zone) if isinstance(decision, Finding)]
    return Plan(
        run=inventory.run,
        started_at=started_at,
        platform=inventory.platform,
        dry_run=options.dry_run,
        recovery=options.recovery,
        batch_size=options.batch_size,
        private=inventory.private,
        folder=_run_folder(options, inventory),
        layout=inventory.layout,
        user_config=inventory.user_config,
        home=inventory.home,
        checkout=inventory.checkout,
        database=inventory.database,
        events=inventory.events,
        files=inventory.files,
        config_files=inventory.config_files,
        url=inventory.url if inventory.target else None,
        password_file=_find_password_file(options, inventory),
        schema_stands=inventory.target is not None and inventory.target.revision is not None,
        owner=owner if isinstance(owner, Owner) else None,
        first_person=first,
        timezone=options.timezone or inventory.timezone or "UTC",
        tables=tables,
        mappings=mappings,
        account=inventory.account,
        account_variables=inventory.account_variables,
        docs=inventory.docs,
        docs_index=inventory.docs_index,
        old_files=old_files,
        left=tuple(find_leftovers(inventory, old_files)),
        cutover=leads,
        user_account=account_name(inventory),
        new_directories=inventory.destinations.new_directories,
        as_service_user=inventory.as_service_user,
        findings=(
            *find_refusals(inventory, leads, dry_run=options.dry_run),
            *undecided,
            *_notes(options, inventory, first),
            *find_notices(inventory, tables),
        ),
    )


def _run_folder(options: Options, inventory: Inventory) -> Path:
    if options.report_dir is not None:
        return options.report_dir.absolute() / inventory.run
    return (inventory.private if options.dry_run else inventory.layout.migrations) / inventory.run


def _find_password_file(options: Options, inventory: Inventory) -> str | None:
    if options.target is None or inventory.target is None:
        return None
    named = parse_qs(urlsplit(options.target).query).get("passfile", [None])
    return named[-1]


def choose_zone(name: str | None) -> tzinfo | Finding:
    """Return the zone that old naive local times are read in, UTC where none is known."""
    if name is None:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return error("source", f"there is no time zone {name}", "use --timezone ZONE, such as Europe/Amsterdam")


def _plan_tables(
    inventory: Inventory, owner: Owner | Finding, zone: tzinfo | Finding, started_at: datetime
) -> tuple[tuple[TablePlan, ...], tuple[ColumnMapping, ...]]:
    if inventory.database is None:
        return (), ()
    columns = (("owner_person", owner.person), ("owner_uid", owner.uid)) if isinstance(owner, Owner) else ()
    given = Circumstances(
        constants={"sessions": columns},
        taken=inventory.target.taken if inventory.target else frozenset(),
        zone=UTC if isinstance(zone, Finding) else zone,
        started_at=started_at,
    )
    tables = make_tables(inventory.database.tables, given)
    mappings = map_columns(inventory.database.tables, tables)
    if inventory.events is None:
        return tables, mappings
    of_events = make_event_tables(inventory.events.tables)
    of_its_columns = map_columns(inventory.events.tables, of_events)
    named = tuple(replace(mapping, table=f"events.db: {mapping.table}") for mapping in of_its_columns)
    return (*tables, *of_events), (*mappings, *named)


def _notes(options: Options, inventory: Inventory, first: Person | None) -> Iterator[Finding]:
    if first is not None:
        known = f"with the username {first.username}" if first.username else "without a username"
        yield note(
            "owner",
            f"people lists nobody, so {first.name} becomes its only entry, an administrator {known}",
            f"see to people in {inventory.layout.system_config}: by usernames the new daemon knows who calls",
        )
    if options.timezone is None and inventory.timezone is None:
        yield note("source", "no time zone is configured, so old local times are read as UTC", "or use --timezone ZONE")


def describe(plan: Plan) -> dict[str, Any]:
    """Return what the report says of the plan: no secret, no password."""
    database = plan.database
    return {
        "program": __version__,
        "run": plan.run,
        "started_at": plan.started_at.isoformat(),
        "dry_run": plan.dry_run,
        "recovery": plan.recovery,
        "source": {
            "checkout": str(plan.checkout),
            "home": str(plan.home),
            "database": str(database.path) if database else None,
            "why": database.why if database else None,
            "events": str(plan.events.path) if plan.events else None,
            "shape": _describe_shape(database) if database else None,
        },
        "target": {"url": plan.target, "schema_stood": plan.schema_stands},
        "root": str(plan.layout.root) if plan.layout.root else None,
        "owner": {**asdict(plan.owner), "sessions": _count_sessions(plan)} if plan.owner else None,
        "folder": str(plan.folder),
        "folder_stays": plan.private not in plan.folder.parents,
        "queues": dict(database.waiting) if database else {},
        "timezone": plan.timezone,
        "columns": [asdict(mapping) for mapping in plan.mappings],
    }


def _count_sessions(plan: Plan) -> int:
    return sum(table.rows for table in plan.tables if table.label == "sessions")


def _describe_shape(database: SourceDatabase) -> str:
    if not database.migrations:
        return f"{len(database.tables)} tables, no schema change recorded"
    return f"{len(database.tables)} tables, {len(database.migrations)} schema changes, last {database.migrations[-1]}"
