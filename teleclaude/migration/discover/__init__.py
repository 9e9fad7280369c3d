"""Detection: looks at the old installation and at the target, copies what will be read, decides nothing."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL

from teleclaude.daemon.service_user import find_identity_to_take, require_program
from teleclaude.errors import SourceError, TeleClaudeError
from teleclaude.layout import make_layout, user_config
from teleclaude.migration.discover.account import find_account
from teleclaude.migration.discover.crontabs import find_crontabs
from teleclaude.migration.discover.database import find_database, find_events, find_odd_events
from teleclaude.migration.discover.destinations import find_destinations
from teleclaude.migration.discover.docs import Docs, find_docs
from teleclaude.migration.discover.earlier_runs import find_runs
from teleclaude.migration.discover.hooks import find_hooks
from teleclaude.migration.discover.installation import (
    copy_config,
    find_elsewhere,
    find_places,
    list_files,
    read_people,
    read_sudo_uid,
    read_zone,
)
from teleclaude.migration.discover.processes import find_activities
from teleclaude.migration.discover.references import Mentions, make_mentions
from teleclaude.migration.discover.services import find_services
from teleclaude.migration.discover.shells import find_shells
from teleclaude.migration.discover.target import choose_target, look_at_target
from teleclaude.migration.discover.variables import find_unset, make_account_variables
from teleclaude.migration.report.events import Finding, error, warning
from teleclaude.migration.source.inventory import (
    NOWHERE,
    Activity,
    ConfigFiles,
    Inventory,
    Person,
    Places,
    Reference,
    TargetState,
)
from teleclaude.migration.source.options import Options
from teleclaude.migration.source.privsep import Privsep, privsep_for
from teleclaude.migration.source.unprivileged import list_names
from teleclaude.platform.names import HERE

T = TypeVar("T")

Found = tuple[tuple[Reference, ...], tuple[Finding, ...]]


@dataclass
class Attempts:
    """Looks at one thing after the other, and remembers what could not be looked at."""

    problems: list[Finding] = field(default_factory=list)

    def look(self, subject: str, look: Callable[[], T], otherwise: T) -> T:
        """Return what `look` sees; where it cannot, note the trouble and return `otherwise`."""
        try:
            return look()
        except TeleClaudeError as trouble:
            self.problems.append(error(subject, trouble.message, trouble.hint))
        except OSError as trouble:
            reason = f"{trouble.filename} cannot be looked at: {trouble.strerror}"
            remedy = "see to its permissions" if os.geteuid() == 0 else "see to its permissions, or run it with sudo"
            if subject == "source" and isinstance(trouble, FileNotFoundError):
                remedy = "name the right --source DIR or --home DIR"
            self.problems.append(error(subject, reason, remedy))
        return otherwise


PATIENCE_SECONDS = 20.0
"""Twice the interval at which the server looks for a client that is gone (migration/transfer.py)."""

NOBODY: tuple[Person, ...] = ()
NO_DOCS = Docs()
NO_HOLDERS: tuple[Activity, ...] = ()
NO_POINTERS: Found = ((), ())
NO_CONFIG: tuple[ConfigFiles | None, tuple[TeleClaudeError, ...]] = (None, ())


async def detect(options: Options, run: str, private: Path, environ: Mapping[str, str]) -> Inventory:
    """Return everything that can be seen; what cannot be looked at becomes a trouble of the inventory."""
    attempts = Attempts()
    look = attempts.look
    places = find_places(options, environ)
    layout = make_layout(HERE, options.root, environ)
    account = find_account(places)
    privsep = privsep_for(account)
    # With --root everything belongs to the caller.
    writer = privsep if options.root is None else privsep_for(None)
    config_files, wrong = look("configuration", lambda: copy_config(privsep, places, private), NO_CONFIG)
    attempts.problems += [error("configuration", trouble.message, trouble.hint) for trouble in wrong]
    database = look("source", lambda: find_database(privsep, places, config_files, private), None)
    events = look("source", lambda: find_events(privsep, places, private), None)
    attempts.problems.extend(look("source", lambda: find_odd_events(places), ()))
    databases = tuple(found for found in (database, events) if found is not None)
    database_uid = database.uid if database else None
    sudo_uid = read_sudo_uid(environ)
    variables = make_account_variables(places, user_name(database_uid))
    attempts.problems.extend(look("configuration", lambda: find_unset(config_files, places, variables, layout), ()))
    docs = look("docs", lambda: find_docs(privsep, places), NO_DOCS)
    mentions = make_mentions(places, config_files)
    references, unclear = look("cutover", lambda: find_references(privsep, places, mentions), NO_POINTERS)
    attempts.problems.extend(unclear)
    service_user = find_identity_to_take(layout)
    if service_user is not None:
        # The daemon is booted last, and an hour of loading should not end with this.
        look("files", lambda: require_program(service_user, environ), None)
    url = look("target", lambda: choose_target(options, environ), None)
    user_file = user_config(places.home, options.root, environ)
    migrations = options.report_dir.absolute() if options.report_dir else layout.migrations
    destinations = look("files", lambda: find_destinations(layout, user_file, options.report_dir, writer), NOWHERE)
    # What somebody else can have written there, root does not act upon.
    journals, migrating = find_runs(migrations) if destinations.unsafe_run_folder is None else ((), ())
    # The server may take its time to notice that a killed run is gone.
    patience = PATIENCE_SECONDS if any(journal.committing for journal in journals) else 0.0
    return Inventory(
        run=run,
        started_at=datetime.now(UTC).isoformat(),
        platform=HERE,
        private=private,
        home=places.home,
        checkout=places.checkout,
        is_root=os.geteuid() == 0,
        layout=layout,
        user_config=user_file,
        account=account,
        user_name=user_name(options.uid or sudo_uid or database_uid),
        sudo_uid=sudo_uid,
        database_uid=database_uid,
        database=database,
        events=events,
        files=look("source", lambda: list_files(privsep, places, config_files, databases, docs.all), ()),
        config_files=config_files,
        account_variables=variables,
        people=look("configuration", lambda: read_people(config_files), NOBODY),
        timezone=look("configuration", lambda: read_zone(config_files, places), None),
        docs=docs.files,
        docs_left=docs.left,
        docs_index=docs.index,
        checkout_entries=look("source", lambda: tuple(privsep.call(list_names, str(places.checkout))), ()),
        home_entries=look("source", lambda: tuple(privsep.call(list_names, str(places.state))), ()),
        elsewhere=look("source", lambda: find_elsewhere(privsep, places), ()),
        activities=(
            *migrating,
            *look("source", lambda: find_activities(privsep, places, databases, account), NO_HOLDERS),
        ),
        services=look("source", lambda: find_services(privsep, places, mentions), ()),
        references=references,
        journals=journals,
        url=url,
        target=await _look_at(url, attempts, patience) if url is not None else None,
        destinations=destinations,
        problems=tuple(attempts.problems),
    )


async def _look_at(url: URL, attempts: Attempts, patience: float) -> TargetState | None:
    try:
        return await look_at_target(url, patience)
    except TeleClaudeError as trouble:
        attempts.problems.append(error("target", trouble.message, trouble.hint))
        return None


def user_name(uid: int | None) -> str | None:
    """Return the name of the account with `uid`, None where this machine does not know it."""
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else None
    except KeyError:
        return None


def find_references(privsep: Privsep, places: Places, mentions: Mentions) -> Found:
    """Return what leads to the old installation, and a warning for each place that could not be looked at."""
    found = [
        *find_crontabs(mentions),
        *find_hooks(privsep, places, mentions),
        *find_shells(privsep, places, mentions),
    ]
    wrong = [warning("cutover", each.message, each.hint) for each in found if isinstance(each, SourceError)]
    return tuple(each for each in found if isinstance(each, Reference)), tuple(wrong)
