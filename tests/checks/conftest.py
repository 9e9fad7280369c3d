"""One migration for all tests of the self-check; each gets a copy of the files and of the database."""

import asyncio
import re
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import URL

from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import make_installation
from teleclaude.demo.postgres import Server
from teleclaude.migration.options import Options
from tests.sample import migrate_sample


@dataclass(frozen=True)
class Migrated:
    """Where a migration went, and the secrets that it took along."""

    root: Path
    target: URL

    @property
    def config(self) -> Path:
        return self.root / "etc/teleclaude/config.yml"

    @property
    def secrets(self) -> Path:
        return self.root / "etc/teleclaude/secrets.yml"

    @property
    def socket(self) -> Path:
        return self.root / "run/teleclaude/teleclaude.sock"

    def name_database(self, url: URL) -> None:
        """Let the configuration name a database, and the secrets its password."""
        shown = url.set(password="PASSWORD").render_as_string(hide_password=False)
        named = shown.replace("PASSWORD", "${TELECLAUDE_SECRET_DATABASE}")
        config = re.sub(r"(?<=^database:\n  url: ).*", lambda _: named, self.config.read_text(), flags=re.M)
        kept = [line for line in self.secrets.read_text().splitlines() if "TELECLAUDE_SECRET_DATABASE" not in line]
        kept.insert(kept.index("environment:") + 1, f"  TELECLAUDE_SECRET_DATABASE: {url.password}")
        self.config.write_text(config)
        self.secrets.write_text("\n".join(kept))

    def change(self, path: Path, old: str, new: str) -> None:
        """Change a file that has to hold `old`."""
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


async def alone(server: Server, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    async with disposing(make_engine(server.url)) as engine, engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql(statement)


async def create(server: Server, name: str, template: str = "template1") -> URL:
    await alone(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url.set(database=name)


@pytest.fixture(scope="session")
def first(server: Server) -> Iterator[Migrated]:
    """Migrate a sample installation."""
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        target = asyncio.run(create(server, f"first_{uuid.uuid4().hex[:6]}"))
        sample = make_installation(Path(folder, "old"), sessions=5)
        options = Options(
            source=sample.checkout,
            home=sample.home,
            target=target.render_as_string(hide_password=False),
            root=Path(folder, "root"),
            person="Ada",
            uid=1000,
        )
        report = asyncio.run(migrate_sample(options))
        assert report.ok, report.failure
        yield Migrated(Path(folder, "root"), target)


@pytest.fixture
async def migrated(server: Server, first: Migrated) -> AsyncIterator[Migrated]:
    """Copy the migrated installation."""
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        target = await create(server, f"test_{uuid.uuid4().hex[:6]}", str(first.target.database))
        root = Path(shutil.copytree(first.root, Path(folder, "root")))
        copy = Migrated(root, target)
        copy.name_database(target.set(drivername="postgresql"))
        yield copy
        await alone(server, f"DROP DATABASE {target.database} WITH (FORCE)")
