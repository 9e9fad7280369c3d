"""What tests do with the sample installation and its target."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, inspect, text

from teleclaude.db.engine import disposing, make_engine
from teleclaude.demo.installation import SampleInstallation
from teleclaude.migration.pipeline import STEPS, migrate
from teleclaude.migration.report.report import Report
from teleclaude.migration.run import Step
from teleclaude.migration.source.options import Options
from teleclaude.migration.state.run_state import Observer


async def migrate_sample(options: Options, steps: tuple[Step, ...] = STEPS, observer: Observer | None = None) -> Report:
    """Run the migration in this process."""
    return await migrate(options, os.environ, observer or Observer(), steps)


async def query(url: URL, statement: str) -> list[tuple[Any, ...]]:
    """Return what PostgreSQL answers."""
    async with disposing(make_engine(url)) as engine, engine.begin() as connection:
        result = await connection.exec_driver_sql(statement)
        return [tuple(row) for row in result.all()] if result.returns_rows else []


async def has_nothing(url: URL) -> bool:
    """Whether a database has no table, function or schema that PostgreSQL did not make."""
    async with disposing(make_engine(url)) as engine, engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        schemas = await connection.run_sync(lambda sync: inspect(sync).get_schema_names())
        locks = await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
        functions = await connection.scalar(text("SELECT count(*) FROM pg_proc WHERE pronamespace >= 16384"))
    return not tables and not {"legacy", "events"} & set(schemas) and not locks and not functions


def as_on_a_terminal() -> None:
    """Let a child take signals as on a terminal; who runs the tests in the background, or by nohup, ignores some."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def files_below(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file below a folder, links not followed."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@contextmanager
def reading(sample: SampleInstallation) -> Iterator[sqlite3.Connection]:
    """Look into the old database."""
    with closing(sqlite3.connect(sample.database)) as connection:
        yield connection


@contextmanager
def editing(sample: SampleInstallation) -> Iterator[sqlite3.Connection]:
    """Change the old database before it is migrated."""
    with closing(sqlite3.connect(sample.database)) as connection:
        yield connection
        connection.commit()


def state(home: Path) -> dict[str, str]:
    """Return everything of a home: the content of files, where links lead, and modes."""
    links = {str(path): str(path.readlink()) for path in home.rglob("*") if path.is_symlink()}
    modes = {f"mode {path}": oct(path.lstat().st_mode) for path in home.rglob("*") if not path.is_dir()}
    return files_below(home) | links | modes


async def run(url: URL, *work: Any) -> Any:
    """Run functions of a synchronous connection in one transaction and return what the last one says."""
    result = None
    async with disposing(make_engine(url)) as engine, engine.begin() as connection:
        for function in work:
            result = await connection.run_sync(function)
    return result
