"""An installation that nothing is wrong with, as detection sees it, and stand-ins for the service managers."""

from pathlib import Path

import pytest
from sqlalchemy import make_url

from teleclaude.layout import make_layout
from teleclaude.migration.source.installation import Person
from teleclaude.migration.source.inventory import Inventory, TargetState
from teleclaude.platform import services
from tests.support.shell import Stubs


@pytest.fixture
def inventory() -> Inventory:
    """Let Ada own an installation in her home and move to an empty PostgreSQL 16; a test replaces what it is about."""
    return Inventory(
        run="20260315T120000Z-0001",
        started_at="2026-03-15T12:00:00+00:00",
        platform="linux",
        private=Path("/tmp/private"),
        home=Path("/home/ada"),
        checkout=Path("/home/ada/teleclaude"),
        is_root=False,
        layout=make_layout("linux", None, {}),
        user_config=Path("/home/ada/.teleclaude/config.yml"),
        account=None,
        database_uid=1000,
        account_names={1000: "ada"},
        people=(Person("Ada", "ada"),),
        timezone="Europe/Paris",
        url=make_url("postgresql+asyncpg://ada:hidden@db.example.com/telec"),
        target=TargetState(server_version=160_004, head="0001"),
    )


@pytest.fixture
def stubs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stubs:
    """Let service managers only write down what they are told, and let their units be files beside them."""
    made = Stubs(tmp_path / "stubs")
    monkeypatch.setenv("PATH", made.path)
    monkeypatch.setattr(services, "PROGRAMS", made.path)
    monkeypatch.setattr(services, "SYSTEM_UNITS", (made.folder,))
    return made
