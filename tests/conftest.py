"""A real PostgreSQL for all tests of a worker, an empty database for each that asks, a sample installation."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import SampleInstallation, make_installation
from teleclaude.demo.postgres import Server, running_server
from teleclaude.migration.options import Options
from teleclaude.migration.report import Report
from tests.sample import migrate_sample

# How long an example takes says more of the machine than of the program.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

NO_PG_VARIABLES = {name for name in os.environ if name.startswith("PG")} | {"SUDO_UID", "SUDO_USER"}


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what the developer's shell says of PostgreSQL and sudo out of the tests."""
    for name in NO_PG_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Run one server."""
    with running_server(os.environ, for_tests=True) as running:
        yield running


@pytest.fixture
async def target(server: Server) -> AsyncIterator[URL]:
    """Make an empty database, and drop it in the end."""
    name = f"test_{uuid.uuid4().hex}"
    async with disposing(make_engine(server.url)) as engine, engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(f"CREATE DATABASE {name}"))
        yield server.url.set(database=name)
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def target_engine(target: URL) -> AsyncIterator[AsyncEngine]:
    """Connect to the empty database."""
    async with disposing(make_engine(target)) as engine:
        yield engine


@pytest.fixture
def sample(tmp_path: Path) -> SampleInstallation:
    """Make a small single-user installation."""
    return make_installation(tmp_path / "old", sessions=20)


@pytest.fixture
def options(sample: SampleInstallation, target: URL, tmp_path: Path) -> Options:
    """Ask for a migration of the sample to the empty database, below a root of its own."""
    return Options(
        source=sample.checkout,
        home=sample.home,
        target=target.render_as_string(hide_password=False),
        root=tmp_path / "root",
        person="Ada",
        uid=1000,
    )


@pytest.fixture
async def migrated(options: Options) -> Report:
    """Migrate the sample."""
    report = await migrate_sample(options)
    assert report.ok, report.failure
    return report
