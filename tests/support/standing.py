"""An installation that a migration went over once, and that stands again as it stood for each test that asks.

Files and database are kept beside it and put back under their own names, because the files name both.
"""

from __future__ import annotations

import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import SampleInstallation, make_installation
from teleclaude.demo.postgres import Server
from teleclaude.migration.report.report import Report
from teleclaude.migration.source.options import Options


@dataclass(frozen=True)
class Standing:
    """What one migration had before it: an old installation, an empty database, a root."""

    server: Server
    folder: Path
    target: URL
    sample: SampleInstallation

    @property
    def root(self) -> Path:
        """What stands before every path of the new installation."""
        return self.folder / "root"

    @property
    def options(self) -> Options:
        """Ask for the migration."""
        return Options(
            source=self.sample.checkout,
            home=self.sample.home,
            target=self.target.render_as_string(hide_password=False),
            root=self.root,
            person="Ada",
            uid=1000,
        )

    async def keep(self) -> None:
        """Keep everything as it is now; nobody may be connected to the database."""
        shutil.copytree(self.folder, self._kept, symlinks=True)
        await alone(self.server, f"CREATE DATABASE {self.target.database}_kept TEMPLATE {self.target.database}")

    async def put_back(self) -> None:
        """Let everything be again as it was kept."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._kept, self.folder, symlinks=True)
        await alone(self.server, f"DROP DATABASE {self.target.database} WITH (FORCE)")
        await alone(self.server, f"CREATE DATABASE {self.target.database} TEMPLATE {self.target.database}_kept")

    @property
    def _kept(self) -> Path:
        return self.folder.with_name("kept")


@dataclass(frozen=True)
class Migrated:
    """A migration that is done, with what it reported."""

    standing: Standing
    report: Report

    @property
    def sample(self) -> SampleInstallation:
        """The old installation."""
        return self.standing.sample

    @property
    def target(self) -> URL:
        """The database that the configuration names."""
        return self.standing.target

    @property
    def root(self) -> Path:
        """What stands before every path of the new installation."""
        return self.standing.root

    @property
    def options(self) -> Options:
        """What was asked."""
        return self.standing.options

    @property
    def folder(self) -> Path:
        """The folder of the run: report, ledger, scripts of the rollback."""
        return Path(self.report.header["folder"])

    @property
    def config(self) -> Path:
        """The configuration of the system."""
        return self.root / "etc/teleclaude/config.yml"

    @property
    def secrets(self) -> Path:
        """The secrets of the system."""
        return self.root / "etc/teleclaude/secrets.yml"

    @property
    def socket(self) -> Path:
        """Where its daemon answers."""
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


async def stand(server: Server, folder: Path) -> Standing:
    """Make an old installation and an empty database; `folder` has a short path, because of the socket below it."""
    name = f"standing_{uuid.uuid4().hex[:8]}"
    await alone(server, f"CREATE DATABASE {name}")
    place = folder / "live"
    return Standing(server, place, server.url.set(database=name), make_installation(place / "old", sessions=20))


async def alone(server: Server, statement: str) -> None:
    """Run a statement that no transaction may hold."""
    async with disposing(make_engine(server.url)) as engine, engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql(statement)
