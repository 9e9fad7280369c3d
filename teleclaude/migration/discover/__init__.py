"""Discovery: reads the old installation and the target, copies the files that will be read, decides nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from teleclaude.daemon.service_user import find_identity_to_take, require_program
from teleclaude.errors import Problem, TeleClaudeError
from teleclaude.layout import make_layout, user_config
from teleclaude.migration.discover.account import find_account, find_account_names, find_user_name, read_sudo_uid
from teleclaude.migration.discover.configuration import (
    copy_config,
    find_our_names,
    find_unset,
    make_account_variables,
    read_people,
    read_zone,
)
from teleclaude.migration.discover.crontabs import find_crontabs
from teleclaude.migration.discover.database import find_database, find_events, find_odd_events, find_odd_settings
from teleclaude.migration.discover.destinations import find_destinations, find_runs
from teleclaude.migration.discover.docs import Docs, find_docs
from teleclaude.migration.discover.hooks import find_hooks
from teleclaude.migration.discover.installation import (
    find_elsewhere,
    find_open_places,
    find_places,
    find_wrong_places,
    list_files,
)
from teleclaude.migration.discover.old_paths import OldPaths, make_old_paths
from teleclaude.migration.discover.problems import CLOSED, CLOSED_TO_OWNER, UNREADABLE
from teleclaude.migration.discover.processes import find_activities
from teleclaude.migration.discover.services import find_services
from teleclaude.migration.discover.shells import find_shells
from teleclaude.migration.discover.target import (
    choose_target,
    explain_password,
    find_target_password,
    read_target,
)
from teleclaude.migration.report.events import Finding, error
from teleclaude.migration.source.installation import Places
from teleclaude.migration.source.inventory import NOWHERE, Inventory, Reference
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import Privsep, privsep_for
from teleclaude.migration.source.stoppable import in_thread
from teleclaude.migration.source.unprivileged import list_names
from teleclaude.platform.names import HERE

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_LOCK_SECONDS = 20.0
"""How long the lock of a killed run may still be held: twice the interval at which the server looks for its client."""


@dataclass
class _Attempts:
    """Looks at one thing after the other, and keeps the reason for each that could not be looked at."""

    problems: list[Finding] = field(default_factory=list)

    def look(self, subject: str, otherwise: _T, function: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        """Return the result of a function, `otherwise` where it raises TeleClaudeError or OSError."""
        try:
            return function(*arguments)
        except TeleClaudeError as failure:
            self.add(subject, failure.problem)
        except OSError as failure:
            self.add(subject, _explain(failure))
        return otherwise

    def add(self, subject: str, problem: Problem) -> None:
        """Keep a reason, once."""
        if problem not in [known.problem for known in self.problems]:
            self.problems.append(error(subject, problem))


def _explain(failure: OSError) -> Problem:
    closed = CLOSED_TO_OWNER if os.geteuid() == 0 else CLOSED
    problem = closed if isinstance(failure, PermissionError) else UNREADABLE
    return problem.fill(path=Path(failure.filename), reason=failure.strerror)


async def discover(options: Options, run: str, private: Path, environ: Mapping[str, str]) -> Inventory:
    """Return everything that can be seen; what cannot be looked at becomes one of the inventory's problems."""
    places = find_places(options, environ)
    account = find_account(places)
    # It forks here: a child of the thread below could inherit a lock that another thread holds.
    privsep = privsep_for(account)
    begun = Inventory(
        run=run,
        started_at=datetime.now(UTC).isoformat(),
        platform=HERE,
        private=private,
        home=places.home,
        checkout=places.checkout,
        is_root=os.geteuid() == 0,
        layout=make_layout(HERE, options.root, environ),
        user_config=user_config(places.home, options.root, environ),
        account=account,
        sudo_uid=read_sudo_uid(environ),
    )
    inventory, attempts = await in_thread(_look_here, begun, options, environ, places, privsep)
    inventory = await _look_at_target(inventory, options, environ, attempts)
    return replace(inventory, problems=tuple(attempts.problems))


def _look_here(
    inventory: Inventory, options: Options, environ: Mapping[str, str], places: Places, privsep: Privsep
) -> tuple[Inventory, _Attempts]:
    """Add what this computer shows; raises SourceError where the rights of the owner cannot be taken."""
    privsep.call(os.geteuid)
    attempts = _Attempts()
    nothing: tuple[Problem, ...] = ()
    for look in (find_open_places, find_wrong_places):
        for problem in attempts.look("source", nothing, look, privsep, places):
            attempts.add("source", problem)
    inventory = replace(inventory, is_found=not attempts.problems)
    if inventory.is_found:
        inventory = _read_installation(inventory, places, privsep, attempts)
        inventory = _find_users(inventory, places, privsep, attempts)
    account = inventory.account
    uids = (options.uid, inventory.sudo_uid, inventory.database_uid, account.uid if account else None)
    inventory = replace(inventory, account_names=find_account_names(uids))
    return _look_at_destinations(inventory, options, environ, privsep, attempts), attempts


def _read_installation(inventory: Inventory, places: Places, privsep: Privsep, attempts: _Attempts) -> Inventory:
    """Add the configuration, the databases, the docs and the other files of the old installation."""
    look, private = attempts.look, inventory.private
    names: list[str] = look("configuration", [], privsep.call, list_names, str(places.state / "people"))
    files, wrong = copy_config(privsep, places, names, private)
    attempts.problems.extend(wrong)
    database = look("source", None, find_database, privsep, places, files, private)
    events = look("source", None, find_events, privsep, places, private)
    attempts.problems.extend(look("source", (), find_odd_events, places))
    attempts.problems.extend(look("source", (), find_odd_settings, privsep, places, files, database))
    uid = database.uid if database else None
    variables = make_account_variables(places, find_user_name(uid))
    attempts.problems.extend(find_our_names(files))
    attempts.problems.extend(find_unset(files, places, variables, inventory.layout))
    docs = look("docs", Docs(), find_docs, privsep, places)
    inventory = replace(inventory, database_uid=uid, database=database, events=events)
    return replace(
        inventory,
        files=look("source", (), list_files, privsep, places, files, inventory.databases, docs.all),
        config_files=files,
        account_variables=variables,
        people=look("configuration", (), read_people, files),
        timezone=look("configuration", None, read_zone, files, places),
        docs=docs.files,
        docs_left=docs.left,
        docs_index=docs.index,
        checkout_entries=tuple(look("source", [], privsep.call, list_names, str(places.checkout))),
        home_entries=tuple(look("source", [], privsep.call, list_names, str(places.state))),
        elsewhere=look("source", (), find_elsewhere, privsep, places),
    )


def _find_users(inventory: Inventory, places: Places, privsep: Privsep, attempts: _Attempts) -> Inventory:
    """Add what uses the old installation: processes, services, cron, hooks and shells."""
    look = attempts.look
    old_paths = make_old_paths(places, inventory.config_files)
    found: tuple[Reference | Finding, ...] = look("cutover", (), _list_references, privsep, places, old_paths)
    attempts.problems.extend(each for each in found if isinstance(each, Finding))
    return replace(
        inventory,
        activities=look("source", (), find_activities, privsep, places, inventory.databases, inventory.account),
        services=look("source", (), find_services, privsep, places, old_paths),
        references=tuple(each for each in found if isinstance(each, Reference)),
    )


def _list_references(privsep: Privsep, places: Places, old_paths: OldPaths) -> tuple[Reference | Finding, ...]:
    """Return every reference, and a warning for each place that cannot be read."""
    return (
        *find_crontabs(old_paths),
        *find_hooks(privsep, places, old_paths),
        *find_shells(privsep, places, old_paths),
    )


def _look_at_destinations(
    inventory: Inventory, options: Options, environ: Mapping[str, str], privsep: Privsep, attempts: _Attempts
) -> Inventory:
    """Add what exists in the places of the new installation, earlier runs included."""
    layout = inventory.layout
    service_user = find_identity_to_take(layout)
    if service_user is not None:
        # The probe starts it last, and would fail after an hour of loading.
        attempts.look("files", None, require_program, service_user, environ)
    # With --root everything belongs to the caller.
    writer = privsep if options.root is None else privsep_for(None)
    found = attempts.look(
        "files", NOWHERE, find_destinations, layout, inventory.user_config, options.report_dir, writer
    )
    if found.unsafe_run_folder is not None:
        # Another user can have written the journals there, so root does not act on them.
        return replace(inventory, destinations=found)
    journals, migrating = find_runs(options.report_dir.absolute() if options.report_dir else layout.migrations)
    activities = (*migrating, *inventory.activities)
    return replace(inventory, destinations=found, journals=journals, activities=activities)


async def _look_at_target(
    inventory: Inventory, options: Options, environ: Mapping[str, str], attempts: _Attempts
) -> Inventory:
    """Add the database to move to."""
    url = await in_thread(attempts.look, "target", None, choose_target, options, environ)
    if url is None:
        return inventory
    committing = any(journal.committing for journal in inventory.journals)
    try:
        target = await read_target(url, _LOCK_SECONDS if committing else 0.0)
    except TeleClaudeError as failure:
        explained = attempts.look("target", None, explain_password, options, environ, url, failure)
        if explained is not None:
            attempts.problems.append(error("target", explained.problem))
        target = None
    return replace(inventory, url=url, target=target, password_from=find_target_password(options, environ))
