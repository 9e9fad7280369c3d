"""The inventory: what discovery saw. Facts only, no decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL

from teleclaude.layout import Layout
from teleclaude.migration.report.events import Finding
from teleclaude.migration.source.installation import Account, ConfigFiles, DocFile, Person, SourceDatabase, SourceFile
from teleclaude.migration.source.references import Activity, Reference, Service
from teleclaude.migration.source.run_record import JournaledRun
from teleclaude.migration.source.target import NOWHERE, Destinations, TargetState


@dataclass(frozen=True)
class Inventory:
    """Everything that discovery saw."""

    run: str
    started_at: str
    platform: str
    """The key of its names (platform/names.py)."""
    private: Path
    home: Path
    checkout: Path
    is_root: bool
    layout: Layout
    user_config: Path
    account: Account | None
    """The user whose rights the old installation is read with; None for those of this process."""
    sudo_uid: int | None = None
    """The caller of sudo, None without sudo and for root."""
    database_uid: int | None = None
    """The owner of the database file, None where it could not be read."""
    account_names: Mapping[int, str] = field(default_factory=dict)
    """The names of the accounts that may own the sessions, by user id, as far as this computer has them."""
    database: SourceDatabase | None = None
    events: SourceDatabase | None = None
    """The second database, where there is one."""
    files: tuple[SourceFile, ...] = ()
    config_files: ConfigFiles | None = None
    account_variables: Mapping[str, str] = field(default_factory=dict)
    """`HOME`, `USER` and `LOGNAME` of the account that the old daemon ran as, as far as they are known."""
    people: tuple[Person, ...] = ()
    timezone: str | None = None
    docs: tuple[DocFile, ...] = ()
    docs_left: tuple[tuple[str, str], ...] = ()
    """Each entry of the docs folder that is not published, and why."""
    docs_index: DocFile | None = None
    """The index of the docs, which is built anew."""
    checkout_entries: tuple[str, ...] = ()
    """The names in the checkout."""
    home_entries: tuple[str, ...] = ()
    """The names in `~/.teleclaude`."""
    elsewhere: tuple[Path, ...] = ()
    """Files of the old program or its agents in other places."""
    activities: tuple[Activity, ...] = ()
    services: tuple[Service, ...] = ()
    references: tuple[Reference, ...] = ()
    journals: tuple[JournaledRun, ...] = ()
    """Runs that were cut off."""
    url: URL | None = field(default=None, repr=False)
    """The database to move to, None where the command line names none that can be used."""
    target: TargetState | None = None
    destinations: Destinations = NOWHERE
    problems: tuple[Finding, ...] = ()
    """What could not be looked at, and why."""

    @property
    def as_service_user(self) -> bool:
        """Whether files get the owners that they should have and the probe runs as the service user."""
        return self.is_root and self.layout.root is None
