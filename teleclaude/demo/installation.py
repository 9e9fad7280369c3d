"""A sample single-user installation: checkout, home, database, configuration, people, snippets."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from textwrap import dedent

from teleclaude.demo.rows import make_rows

_FILES = Path(__file__).with_name("sample")
"""The files of the sample, with their paths below its folder."""


@dataclass(frozen=True)
class SampleInstallation:
    """The places of the sample."""

    checkout: Path
    home: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.checkout / "teleclaude.db"


def make_installation(folder: Path, *, seed: int = 1, sessions: int = 120) -> SampleInstallation:
    """Build a whole installation below `folder`; the same seed gives the same one."""
    sample = SampleInstallation(folder / "checkout", folder / "home")
    state = sample.home / ".teleclaude"
    for file in filter(Path.is_file, _FILES.rglob("*")):
        write(folder / file.relative_to(_FILES), file.read_text(encoding="utf-8"))
    _make_database(sample.database, seed=seed, sessions=sessions)
    _run_script(state / "events.db", "events.sql")
    (state / ".env").symlink_to(sample.checkout / ".env")
    # Real installations link the snippets of the checkout, too.
    (state / "docs").mkdir()
    for entry in (sample.checkout / "docs" / "global").iterdir():
        (state / "docs" / entry.name).symlink_to(entry)
    return sample


def write(path: Path, text: str) -> None:
    """Write a file with its folders; the text may be indented."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")


def _make_database(path: Path, *, seed: int, sessions: int) -> None:
    """Write a database in the newest single-user schema with rows in every table."""
    _run_script(path, "single_user.sql")
    with closing(sqlite3.connect(path)) as connection:
        for table, rows in make_rows(seed, sessions).items():
            for row in rows:
                columns, marks = ", ".join(row), ", ".join("?" * len(row))
                insert = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
                connection.execute(insert, tuple(row.values()))
        connection.commit()


def _run_script(path: Path, script: str) -> None:
    """Make a database by one of our own SQL scripts."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(files("teleclaude.demo").joinpath(script).read_text(encoding="utf-8"))
