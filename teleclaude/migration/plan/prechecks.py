"""Every reason to refuse a migration, all of them at once. Pure.

A reason is a constant in `problems` and a small function here, listed in `_PRECHECKS` or `_TARGET_PRECHECKS`. A
function yields nothing where all is well; an error refuses, a warning does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from teleclaude.db.url import sql_name
from teleclaude.migration.plan import problems
from teleclaude.migration.report.events import CutoverItem, Finding, Severity, error, warning
from teleclaude.migration.source.inventory import (
    NEWEST_SERVER,
    OLDEST_SERVER,
    Inventory,
    Kind,
    Setting,
    TakenName,
    TargetState,
)
from teleclaude.migration.values.identifiers import EVENTS, LEGACY
from teleclaude.platform.names import names_of
from teleclaude.printable import count

_CONNECTIONS = 4
"""How many sessions a migration has at the same time, those of the daemon that it boots included."""

_DAEMON_CONNECTIONS = 16
"""How many sessions a daemon has at the most: those of its pool, and the one with the lock."""

_MOST_NAMED = 12


def run_prechecks(inventory: Inventory, cutover: Sequence[CutoverItem], *, dry_run: bool) -> Iterator[Finding]:
    """Yield an error for everything that must be fixed first, and warnings beside them.

    `cutover` is what still refers to the old installation. A rehearsal goes on without a target that does not answer,
    but not with a --target that is no URL.
    """
    yield from _check_discovery(inventory, dry_run=dry_run)
    yield from _check_cron(cutover, trial=inventory.layout.root is not None)
    for precheck in _PRECHECKS:
        yield from precheck(inventory)
    if inventory.target is not None:
        for target_precheck in _TARGET_PRECHECKS:
            yield from target_precheck(inventory.target)


def _check_discovery(inventory: Inventory, *, dry_run: bool) -> Iterator[Finding]:
    """Yield what could not be looked at; a target that is not needed is a warning."""
    for found in inventory.problems:
        if found.subject == "cutover" and inventory.layout.root is not None:
            # A trial has no cutover.
            continue
        needless = dry_run and found.subject == "target" and inventory.url is not None
        yield replace(found, severity=Severity.WARNING) if needless else found
    if inventory.url is None and not any(found.subject == "target" for found in inventory.problems):
        yield (warning if dry_run else error)("target", problems.NO_TARGET)


def _check_cron(cutover: Sequence[CutoverItem], *, trial: bool) -> Iterator[Finding]:
    for item in cutover:
        if item.kind == Kind.CRON and item.needed and trial:
            yield warning("source", problems.CRON_MAY_START.fill(path=item.path, place=item.place))
        elif item.kind == Kind.CRON and item.needed:
            filled = problems.CRON_STARTS.fill(path=item.path, place=item.place, action=item.command or item.hint)
            yield error("source", filled)


def _check_activities(inventory: Inventory) -> Iterator[Finding]:
    for activity in inventory.activities:
        yield (error if activity.stops else warning)("source", activity.problem)


def _check_services(inventory: Inventory) -> Iterator[Finding]:
    names, trial = names_of(inventory.platform), inventory.layout.root is not None
    for service in inventory.services:
        unit, manager = service.unit, names.manager_name
        if service.running:
            # The rollback enables the old daemon in any case, and another unit where it is enabled now.
            is_retired = unit.name == names.old.name and not trial
            stop = unit.fill(names.commands.retire if is_retired else names.commands.stop)
            yield error("source", problems.SERVICE_RUNS.fill(manager=manager, unit=unit.name, command=stop))
        elif service.at_boot and not trial:
            yield warning("source", problems.SERVICE_STARTS.fill(manager=manager, unit=unit.name, starts=names.starts))


def _check_existing(inventory: Inventory) -> Iterator[Finding]:
    # The files of a complete run are removed by its rollback, so nobody should move them away.
    if inventory.target is None or not inventory.target.runs:
        for path in sorted(inventory.destinations.existing):
            yield error("files", problems.EXISTS.fill(path=path))


def _check_writable(inventory: Inventory) -> Iterator[Finding]:
    problem = problems.NOT_WRITABLE_BY_ROOT if inventory.is_root else problems.NOT_WRITABLE
    for path in inventory.destinations.not_writable:
        yield error("files", problem.fill(path=path))


def _check_folders(inventory: Inventory) -> Iterator[Finding]:
    for path in inventory.destinations.unsafe_folders:
        yield error("files", problems.UNSAFE_FOLDER.fill(path=path))
    unsafe = inventory.destinations.unsafe_run_folder
    if unsafe is not None:
        is_state = unsafe == inventory.layout.state
        yield error("files", (problems.UNSAFE_STATE if is_state else problems.UNSAFE_RUN_FOLDER).fill(path=unsafe))


def _check_service_user(inventory: Inventory) -> Iterator[Finding]:
    if inventory.as_service_user and not inventory.destinations.service_user_exists:
        yield error("files", problems.NO_SERVICE_USER)


def _check_server(target: TargetState) -> Iterator[Finding]:
    major = target.server_version // 10_000
    if major < OLDEST_SERVER:
        yield error("target", problems.SERVER_TOO_OLD.fill(major=major, oldest=OLDEST_SERVER, newest=NEWEST_SERVER))
    if major > NEWEST_SERVER:
        yield warning("target", problems.SERVER_TOO_NEW.fill(major=major, newest=NEWEST_SERVER))
    if target.standby:
        yield error("target", problems.STANDBY)


def _check_database(target: TargetState) -> Iterator[Finding]:
    if target.encoding != "UTF8":
        yield error("target", problems.NOT_UTF8.fill(encoding=target.encoding))
    if target.held_by:
        yield error("target", problems.TARGET_HELD.fill(holder=target.held_by))
    for scope, free in target.free_connections.items():
        words = {"scope": scope, "connections": count(max(free, 0), "connection"), "most": _DAEMON_CONNECTIONS}
        if free < _CONNECTIONS:
            yield error("target", problems.TOO_FEW_CONNECTIONS.fill(**words, needed=_CONNECTIONS))
        elif free < _DAEMON_CONNECTIONS:
            yield warning("target", problems.FEW_CONNECTIONS.fill(**words))


def _check_rights(target: TargetState) -> Iterator[Finding]:
    words = {
        "database": sql_name(target.database),
        "role": sql_name(target.role),
        "schema": sql_name(target.schema or ""),
    }
    if not target.may_create:
        yield error("target", problems.MAY_NOT_CREATE.fill(**words))
    if target.schema is None:
        yield from _check_search_path(target, words)
    elif not target.may_create_tables:
        yield error("target", problems.MAY_NOT_CREATE_TABLES.fill(**words))


def _check_search_path(target: TargetState, words: Mapping[str, str]) -> Iterator[Finding]:
    setting = target.settings.get("search_path", Setting("search_path", "", ""))
    is_default = "public" in [each.strip() for each in setting.value.split(",")]
    if is_default and "public" not in target.schemas:
        yield error("target", problems.NO_PUBLIC.fill(**words))
    elif is_default:
        yield error("target", problems.MAY_NOT_USE_PUBLIC.fill(**words))
    else:
        yield error(
            "target", problems.NO_SCHEMA.fill(path=setting.value or "''", remedy=_reset(setting, target, "public"))
        )


def _check_settings(target: TargetState) -> Iterator[Finding]:
    for name, wanted in (("default_transaction_read_only", "off"), ("session_replication_role", "origin")):
        setting = target.settings.get(name)
        # A standby has its own sentence.
        if setting is not None and setting.value != wanted and not target.standby:
            words = {"name": name, "value": setting.value, "wanted": wanted}
            yield error("target", problems.WRONG_SETTING.fill(**words, remedy=_reset(setting, target, wanted)))
    setting = target.settings.get("default_tablespace")
    if setting is not None and not target.may_use_tablespace:
        words = {"tablespace": sql_name(setting.value), "role": sql_name(target.role)}
        yield error("target", problems.MAY_NOT_USE_TABLESPACE.fill(**words))


def _reset(setting: Setting, target: TargetState, wanted: str) -> str:
    """Return what gives a setting the value that is wanted, where it is set."""
    if setting.scope == "options":
        return f"take {setting.name} out of options in the URL, or out of PGOPTIONS"
    if setting.scope:
        return f"ALTER {setting.scope} RESET {setting.name}"
    return f"ALTER DATABASE {sql_name(target.database)} SET {setting.name} = {wanted}"


def _check_names(target: TargetState) -> Iterator[Finding]:
    if target.owners:
        tables, owners = ", ".join(sorted(target.owners)), ", ".join(sorted(set(target.owners.values())))
        yield error("target", problems.OTHER_OWNER.fill(tables=tables, owners=owners, role=sql_name(target.role)))
    elif target.names_taken:
        named = ", ".join(_describe(found) for found in target.names_taken[:_MOST_NAMED])
        more = len(target.names_taken) - _MOST_NAMED
        listed = f"{named}, and {more} more" if more > 0 else named
        yield error("target", problems.NAMES_TAKEN.fill(schema=target.schema, listed=listed))
    if target.unrelated and not target.runs:
        yield warning("target", problems.UNRELATED.fill(tables=", ".join(target.unrelated)))


def _describe(found: TakenName) -> str:
    part = f" of the extension {found.extension}" if found.extension else ""
    return f"the {found.kind} {found.name}{part}"


def _check_tables(target: TargetState) -> Iterator[Finding]:
    full = ", ".join(f"{name} ({rows})" for name, rows in sorted(target.rows.items()) if rows)
    if full and target.runs:
        last = target.runs[-1]
        yield error("target", problems.ALREADY_MIGRATED.fill(tables=full, run=last.run, state=last.state))
    elif full:
        yield error("target", problems.NOT_EMPTY.fill(tables=full))


def _check_schema(target: TargetState) -> Iterator[Finding]:
    if target.revision not in (None, target.head):
        yield error("target", problems.OTHER_REVISION.fill(revision=target.revision, head=target.head))
    if not target.runs:
        for name in sorted({LEGACY, EVENTS} & target.schemas):
            yield error("target", problems.SCHEMA_TAKEN.fill(schema=name))


_PRECHECKS = (
    _check_activities,
    _check_services,
    _check_existing,
    _check_writable,
    _check_folders,
    _check_service_user,
)
_TARGET_PRECHECKS = (
    _check_server,
    _check_database,
    _check_rights,
    _check_settings,
    _check_tables,
    _check_schema,
    _check_names,
)
