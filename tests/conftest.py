"""A real PostgreSQL for all tests of a worker, an empty database for each that asks, a sample installation."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncEngine

from teleclaude.cli.daemon import judged_probe
from teleclaude.daemon.service_user import make_environment
from teleclaude.db.engine import disposing, make_engine
from teleclaude.db.search.places import Search
from teleclaude.demo.installation import SampleInstallation, make_installation
from teleclaude.demo.postgres import Server, running_server
from teleclaude.migration.plan.plan import Plan
from teleclaude.migration.source.options import Options
from teleclaude.migration.steps import probe
from tests.support.real_places import may_mount
from tests.support.sample import migrate_sample
from tests.support.standing import Migrated, stand

# How long an example takes says more of the machine than of the program.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

UNWANTED = {name for name in os.environ if name.startswith("PG")} | {"SUDO_UID", "SUDO_USER"}
# Without it the many processes of the tests import what one of them has compiled.
UNWANTED |= {"PYTHONDONTWRITEBYTECODE"}


@pytest.fixture(scope="session", autouse=True)
def plain_environment() -> Iterator[None]:
    """Keep what the developer's shell says of PostgreSQL, sudo and Python out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in UNWANTED:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def heard_signals() -> None:
    """Let no process of the tests ignore what a shell ignores in the background, or nohup."""
    for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(autouse=True)
def same_signals() -> Iterator[None]:
    """Leave no handler of a command that ran in this process, nor a signal ignored, which children would inherit."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


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
def in_real_places(target: URL, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Run a module of `tests.support` as root in a mount namespace, with the target and words; return its answer."""
    if not may_mount():
        pytest.skip("needs root and mount namespaces")
    host = target.query.get("host")
    if isinstance(host, str) and host.startswith("/"):
        # The daemon of the service user goes through this folder to the server's socket; there is a password.
        Path(host).chmod(0o711)

    def run(module: str, *words: str) -> dict[str, Any]:
        url = target.render_as_string(hide_password=False)
        command = ["unshare", "--mount", sys.executable, "-m", f"tests.support.{module}", url, *words, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    return run


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


@pytest.fixture(scope="session")
def done(server: Server) -> Iterator[Migrated]:
    """Migrate a sample once for all tests of a worker that look at what a migration leaves."""
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        yield asyncio.run(_migrate_once(server, Path(folder)))


async def _migrate_once(server: Server, folder: Path) -> Migrated:
    standing = await stand(server, folder)
    report = await migrate_sample(standing.options)
    assert report.ok, report.failure
    await standing.keep()
    return Migrated(standing, report)


@pytest.fixture
async def migrated(done: Migrated) -> Migrated:
    """Let a migrated installation stand as its migration left it, whatever the test before did to it."""
    await done.standing.put_back()
    return done


@pytest.fixture
def daemon_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boot the daemon that a migration asks for its verdict in this process, which is a matter of speed alone.

    A process of its own takes about half a second longer, and modules about other steps migrate often. That the real
    one boots on what a migration leaves is proved by `done`, which migrates without this, and by tests of commands.
    """

    async def boot_here(plan: Plan, searches: Sequence[Search]) -> dict[str, Any]:
        environ = make_environment(os.environ)
        with pytest.MonkeyPatch.context() as patch:
            # A process of its own would not be told of TMPDIR either, which may be too long for the path of a socket.
            patch.setattr(tempfile, "tempdir", "/tmp")
            verdict = await judged_probe(plan.inventory.layout.root, environ, Path("/"), list(searches))
        return dict(json.loads(json.dumps(asdict(verdict))))

    monkeypatch.setattr(probe, "boot_daemon", boot_here)
